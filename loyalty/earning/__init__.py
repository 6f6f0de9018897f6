"""What a basket earns under a rule set, and why: plain Python, no state of any member.

A rule set is a JSON object:

    {
      "earn":     [{"currency": "USD", "points": 1, "per_minor": 100}],
      "expiry":   {"months": 12},
      "tiers":    {"silver": 125, "gold": 150},
      "pending":  {"days": 14},
      "point_cost": {"currency": "USD", "minor_per_1000": 800},
      "stacking": {"chooses": "largest", "percent_max": 500},
      "exclude":  [{"code": "tobacco", "name": "Tobacco", "when": {"categories": ["CIGARETTES", "TOBACCO OTHER"]}}],
      "rules":    [{"code": "fresh_tuesday", "name": "Double points on produce", "multiply_percent": 200, "priority": 10,
                    "stacks": true, "when": {"categories": ["PRODUCE"], "weekdays": [2]}},
                   {"code": "big_basket", "name": "Big basket", "bonus_points": 50, "when": {"basket_minor_from": 10000}},
                   {"code": "fifth_visit", "name": "Every fifth visit", "kind": "visits", "every": 5, "gives": {"points": 50}}]
    }

`earn`     one entry per currency: so many points per so many minor units of money. Other currencies are refused.
`expiry`   points may be spent until the end of the month this many months after the purchase; or `{"days": 90}`, or
           `{"years": 1}` (until 31 December, so many years on); null: for ever. With `"inactive_months": 6` beside it
           everything expires after so long without a purchase, redemption or other act of the member.
`tiers`    percent by tier code; a tier that is not named multiplies by 100. The posting function picks the member's.
`pending`  points of purchases wait: so many days ({"days": 14}), or for an event of the purchase ({"until": "delivered"},
           see `loyalty.operations.mature`); null: they can be spent at once.
`point_cost`  what a thousand points cost, for budgets in money and reports of cost; null when nobody said.
`stacking` of the multipliers that do not stack, the "largest" of a group counts on a line, or the "first" by priority;
           all that apply make `percent_max` together at most (0: no limit).
`exclude`  lines that match `when` earn nothing and count for nothing. Service products (deposits, fees) never earn, nor does
           a line that is a reward, nor the part of a line paid with points.
`rules`    by ascending `priority`, then in the order written. A rule has a `code`, a `name` (and `name_zh`), a `kind` with its
           own fields, `when`, and where it may cost only so much a `budget`.

Kinds that a basket alone decides (`kind` may be left out for them):

multiply   `multiply_percent` multiplies the lines that match. Rules with `"stacks": true` multiply each other; of the others
           one counts in each `group`. `"stops": true`: no multiplier of lower priority counts on its lines.
bonus      `bonus_points` once per basket, spread over the matching lines that earn.

Kinds that the member's history decides, in the posting function (loyalty/earning/state.py says how):

spend      for every `every_minor` spent, cumulated over purchases of the `period`: `gives`
stamps     a stamp for every so many minor units, items or visits (`by`, `every`); a full card (`card_size`) gives `card_gives`
visits     for every so many visits (`every`), within a `period`, at most `times`
streak     a purchase in each of `length` days, weeks or months (`unit`) in a row
challenge  reach `target` of a `measure` within the `period`; may give a `badge`
first_purchase, birthday, anniversary   once; once a year around the day (29 February is kept on the 28th in common years)
event      something done that is no purchase (`event`: sign_up, review, …), `times` in a `period`
referral   with a friend's first purchase that counts: `gives` to the friend, `gives_referrer` to who referred

`gives` is {currency: amount}: points, stamps, tier_credits, cashback:USD (in minor units).

`when`     all conditions must hold; an absent one always does. Of the line: `categories` (the name of a department, category
           or type, or a whole path “A > B”), `brands`, `products` (ids), `tags`. Of the basket: `basket_minor_from`,
           `weekdays` (1 Monday … 7 Sunday), `hours` ["16:00", "18:30"] (end not included; over midnight if it comes first),
           `from` and `until` (days), `stores` (codes). Times are those of the store.
`budget`   `points` and `money_minor` for all members together, `member_points` within `member_period` for each. A rule with
           a budget is granted whole or not at all, by the posting function, and adds to what the other rules made.
`trial`    {"salt": "…", "holdout_percent": 10}: the rule gives nothing to that share of the members, told by the stable hash
           of experiments.buckets; decided by the posting function as a budget is.

Micropoints are millionths of a point: whole numbers, so that no remainder is ever rounded away before the wallet's carry.
loyalty/earning/kinds.py describes every kind and field for forms and for checking.
"""

from loyalty.earning.compiling import compile_rule_set
from loyalty.earning.conditions import Basket, Product, When, category_names
from loyalty.earning.periods import EVER, NEVER, celebrated_on, month_end, occasion, period_of, step_of
from loyalty.earning.planning import MICRO, RuleSet
from loyalty.earning.plans import Plan, Profile, Rule
from loyalty.earning.problems import InvalidRuleSet, UnknownCurrency
from loyalty.earning.state import Budget, Term, Trial, due_units, runs

__all__ = [
    "EVER",
    "MICRO",
    "NEVER",
    "Basket",
    "Budget",
    "InvalidRuleSet",
    "Plan",
    "Product",
    "Profile",
    "Rule",
    "RuleSet",
    "Term",
    "Trial",
    "UnknownCurrency",
    "When",
    "category_names",
    "celebrated_on",
    "compile_rule_set",
    "due_units",
    "month_end",
    "occasion",
    "period_of",
    "runs",
    "step_of",
]
