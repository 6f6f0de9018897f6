"""Every kind of earning rule and its fields, described once: compiling checks by it, forms are built from it.

Labels and helps are English source texts; whoever shows them passes them through gettext.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loyalty.earning.periods import PERIODS


def _(text: str) -> str:
    """Mark a text for translation; the reader's language is known only when it is shown."""
    return text


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a rule, as a form shows it and as a definition must hold it.

    `type` is one of: text, count (whole number), percent (200 is ×2), minor (money in minor units), points, boolean, choice,
    texts (list of words), products (list of ids), weekdays (list of 1 Monday … 7 Sunday), hours (["16:00", "18:30"], over
    midnight if the end comes first), day ("2026-03-31"), gives ({currency code: amount}). `unit` says what a number counts.
    """

    name: str
    type: str
    label: str
    help: str = ""
    unit: str = ""
    default: Any = None
    is_required: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    minimum: int = 0
    maximum: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to earn. `asks` names the parts of `when` it understands: line, basket or both; `has_state` whether the
    member's own history decides, which only the posting function knows.
    """

    code: str
    label: str
    help: str
    fields: tuple[Field, ...]
    has_state: bool = False
    asks: tuple[str, ...] = ("line", "basket")


PERIOD_LABELS = dict(zip(PERIODS, (_("ever"), _("day"), _("week"), _("month"), _("quarter"), _("year")), strict=True))
EVENT_KINDS = ("sign_up", "profile_complete", "survey", "review", "check_in")
EVENT_LABELS = {
    "sign_up": _("Sign-up"),
    "profile_complete": _("Profile completed"),
    "survey": _("Survey answered"),
    "review": _("Review written"),
    "check_in": _("Check-in"),
}


def _gives(name: str = "gives", label: str = _("Gives"), *, is_required: bool = True) -> Field:
    return Field(
        name, "gives", label, _("How many points, stamps, tier credits or cents of cashback."), is_required=is_required
    )


def _period(help_text: str, default: str = "ever") -> Field:
    return Field(
        "period", "choice", _("Counted within"), help_text, default=default, choices=tuple(PERIOD_LABELS.items())
    )


def _times(default: int = 0) -> Field:
    return Field("times", "count", _("At most"), _("0: without limit."), unit=_("times in a period"), default=default)


_MINIMUM = Field(
    "minimum_minor", "minor", _("Smallest spend that counts"), _("Of goods that earn, in one purchase."), default=0,
    maximum=10**9,
)  # fmt: skip
_BADGE = Field("badge", "text", _("Badge"), _("The name of a badge that members keep; empty for none."), default="")
_BADGE_ZH = Field("badge_zh", "text", _("Badge in Chinese"), default="")
_AROUND = (
    Field("days_before", "count", _("From"), unit=_("days before"), default=0, maximum=60),
    Field("days_after", "count", _("Until"), unit=_("days after"), default=0, maximum=60),
)
_OCCASION = (
    _gives(),
    Field("by_itself", "boolean", _("Without a purchase"), _("It comes by itself when the days begin. Else it comes with the first purchase in them."), default=False),
    *_AROUND,
    _MINIMUM,
)  # fmt: skip

COMMON = (
    Field(
        "code",
        "text",
        _("Rule code"),
        _("The rule's own short name in the ledger; it never changes."),
        is_required=True,
    ),
    Field("name", "text", _("Rule name"), _("As members and cashiers read it."), default=""),
    Field("name_zh", "text", _("Name in Chinese"), default=""),
    Field(
        "priority", "count", _("Priority"), _("The smallest goes first; of equals, the one written first."), default=100
    ),
)
BUDGET = (
    Field("points", "points", _("Points in all"), _("What the rule may give all members together."), maximum=10**12),
    Field("money_minor", "minor", _("Cost in all"), _("By what a point costs; see the rule set."), maximum=10**12),
    Field("member_points", "points", _("Points per member"), maximum=10**9),
    Field(
        "member_period",
        "choice",
        _("Per member within"),
        default="ever",
        choices=tuple(PERIOD_LABELS.items()),
    ),
)
WHEN = {
    "line": (
        Field("categories", "texts", _("Categories"), _("A department, category or type, or a whole path “A > B”.")),
        Field("brands", "texts", _("Brands")),
        Field("products", "products", _("Products")),
        Field("tags", "texts", _("Tags"), _("Labels that products carry, such as organic.")),
    ),
    "basket": (
        Field("basket_minor_from", "minor", _("Basket from"), _("The whole basket, before exclusions."), maximum=10**9),
        Field("weekdays", "weekdays", _("Weekdays"), _("In the store's time zone, as all times here.")),
        Field("hours", "hours", _("Hours"), _("The end is not included; an end before the start is after midnight.")),
        Field("from", "day", _("First day")),
        Field("until", "day", _("Last day")),
        Field("stores", "texts", _("Stores"), _("Codes of stores; empty: every store.")),
        Field("tiers", "texts", _("For members of"), _("The tier held before the purchase; empty: everybody.")),
    ),
}

KINDS = (
    Kind(
        "multiply",
        _("Multiply points"),
        _("The lines that match earn so many times as much."),
        (
            Field("multiply_percent", "percent", _("Multiply by"), unit="%", is_required=True, minimum=1, maximum=10_000),
            Field("stacks", "boolean", _("Together with others"), _("Rules that stack multiply each other; of the others only one counts on a line."), default=False),
            Field("group", "text", _("Group"), _("Of the rules of one group that do not stack, one counts; groups multiply each other."), default=""),
            Field("stops", "boolean", _("Nothing after it"), _("On its lines no multiplier of lower priority counts."), default=False),
        ),
    ),
    Kind(
        "bonus",
        _("Fixed bonus"),
        _("So many points once per basket that holds a matching line that earns."),
        (Field("bonus_points", "points", _("Bonus"), unit=_("points"), is_required=True),),
    ),
    Kind(
        "spend",
        _("For every amount spent"),
        _("For every full amount spent, over all purchases of the period: what is left over counts next time. For tier credits and cashback, too."),
        (
            Field("every_minor", "minor", _("For every"), is_required=True, minimum=1, maximum=10**9),
            _gives(),
            _period(_("What is left over ends with the period.")),
            _times(),
        ),
        has_state=True,
    ),
    Kind(
        "stamps",
        _("Stamps and punch cards"),
        _("A stamp for every amount, item or visit; a full card turns into its reward."),
        (
            Field("by", "choice", _("A stamp for every"), default="spend", choices=(("spend", _("amount spent")), ("items", _("items bought")), ("visits", _("visits")))),
            Field("every", "count", _("How many"), _("Minor units of money for an amount."), is_required=True, minimum=1, maximum=10**9),
            Field("stamps", "count", _("Stamps"), default=1, minimum=1, maximum=1000),
            Field("card_size", "count", _("Stamps on a card"), _("0: no card; stamps are spent on rewards."), default=0, maximum=1000),
            _gives("card_gives", _("A full card gives"), is_required=False),
            _period(_("A card ends with the period.")),
            _MINIMUM,
        ),
        has_state=True,
    ),
    Kind(
        "visits",
        _("Visits"),
        _("For every so many visits."),
        (
            Field("every", "count", _("For every"), unit=_("visits"), is_required=True, minimum=1, maximum=10_000),
            _gives(),
            Field("once_a_day", "boolean", _("One visit a day"), _("Several purchases on one day are one visit."), default=True),
            _MINIMUM,
            _period(_("Counting begins anew with each period.")),
            _times(),
        ),
        has_state=True,
    ),
    Kind(
        "streak",
        _("Streak"),
        _("A purchase in each of so many days, weeks or months in a row."),
        (
            Field("length", "count", _("In a row"), is_required=True, minimum=2, maximum=1000),
            Field("unit", "choice", _("Of"), default="week", choices=(("day", _("days")), ("week", _("weeks")), ("month", _("months")))),
            _gives(),
            _MINIMUM,
            Field("times", "count", _("At most"), _("0: every time anew."), unit=_("times"), default=0),
            _BADGE,
            _BADGE_ZH,
        ),
        has_state=True,
    ),
    Kind(
        "challenge",
        _("Challenge"),
        _("Reach a goal within a period."),
        (
            Field("measure", "choice", _("What counts"), default="spend", choices=(("spend", _("money spent")), ("items", _("items bought")), ("visits", _("visits")), ("days", _("days with a visit")), ("categories", _("different categories")), ("products", _("different products")), ("brands", _("different brands")), ("events", _("events")))),
            Field("target", "count", _("Goal"), _("Minor units for money."), is_required=True, minimum=1, maximum=10**9),
            Field("event", "text", _("Event"), _("Which event counts; only for events."), default=""),
            _gives(is_required=False),
            _period(_("Every period the challenge can be won anew."), default="month"),
            _MINIMUM,
            _BADGE,
            _BADGE_ZH,
        ),
        has_state=True,
    ),
    Kind("first_purchase", _("First purchase"), _("Once, with a member's first purchase."), (_gives(), _MINIMUM), has_state=True),
    Kind(
        "birthday",
        _("Birthday"),
        _("Once a year, by itself or with the first purchase around the birthday. Paid once, it stays with that birthday, whatever the profile says later."),
        _OCCASION,
        has_state=True,
    ),
    Kind(
        "occasion",
        _("Birthday or anniversary: multiply points"),
        _("Purchases around the day earn so many times as much, once a year. The day of the first use stays the member's day for this rule."),
        (
            Field("multiply_percent", "percent", _("Multiply by"), unit="%", is_required=True, minimum=101, maximum=10_000),
            Field("begins", "choice", _("Which day"), default="birthday", choices=(("birthday", _("the birthday")), ("joining", _("the day of joining")))),
            *_AROUND,
            Field("purchases", "count", _("At most"), _("0: every purchase of those days."), unit=_("purchases a year"), default=1, maximum=1000),
        ),
    ),
    Kind("anniversary", _("Anniversary"), _("Once a year, by itself or with the first purchase around the day of joining; from the first year on."), _OCCASION, has_state=True),
    Kind(
        "event",
        _("Something done"),
        _("Not a purchase: a sign-up, a completed profile, a survey, a review, a check-in, or an event of your own."),
        (
            Field("event", "text", _("Event"), _("sign_up, profile_complete, survey, review, check_in, or a name of your own."), is_required=True),
            _gives(),
            Field("every", "count", _("For every"), unit=_("events"), default=1, minimum=1, maximum=10_000),
            _period(_("What a member may earn by it begins anew with each period.")),
            _times(default=1),
            _BADGE,
            _BADGE_ZH,
        ),
        has_state=True,
        asks=("basket",),
    ),
    Kind(
        "referral",
        _("Referral"),
        _("For both, with the friend's first purchase that counts."),
        (
            _gives("gives", _("The friend gets")),
            _gives("gives_referrer", _("Who referred gets")),
            _MINIMUM,
            Field("times", "count", _("At most"), _("0: without limit."), unit=_("friends in a period"), default=10),
            _period(_("How many friends are paid for."), default="year"),
        ),
        has_state=True,
    ),
)  # fmt: skip
BY_CODE = {kind.code: kind for kind in KINDS}


def fields_of(kind: str) -> tuple[Field, ...]:
    """All fields of a rule of this kind in the order a form shows them, without `when` and `budget`."""
    return COMMON[:3] + BY_CODE[kind].fields + COMMON[3:]


def kind_of(entry: dict[str, Any]) -> str:
    """The kind of a rule; one written without it is told by its field."""
    if "kind" in entry:
        return str(entry["kind"])
    return "bonus" if "bonus_points" in entry else "multiply"
