"""What to recommend now, with what it should bring; and the yes that makes a draft of it."""

from dataclasses import dataclass

from django.db import connection, transaction
from django.utils.translation import gettext as _

from campaigns import audiences, budgets, series
from campaigns.advice.gains import Gain, expected, offer_cost
from campaigns.advice.ideas import HOLDOUT_PERCENT, Idea, ideas
from campaigns.models import Audience, Campaign, LiftReport
from campaigns.operations.drafting import create
from emails import starters

FLOW = "advice:"
"""How a campaign says which action it was made from, in its field `flow`."""
SAMPLE = 5_000
"""Members whose purchases the usual basket is read from, at most; taken by a hash of their ids, the same at every look."""
OPEN = (Campaign.Status.DRAFT, Campaign.Status.SCHEDULED, Campaign.Status.PLANNED, Campaign.Status.SENDING, Campaign.Status.PAUSED)  # fmt: skip


class NothingToDo(LookupError):
    """The action is not recommended any more; the message says so."""


@dataclass(frozen=True)
class Recommended:
    """One action: for how many members, what they usually buy at once (minor units), what it should bring, and its draft if any."""

    idea: Idea
    members: audiences.Estimate
    basket_minor: int
    gain: Gain
    offer_minor: int
    draft: Campaign | None

    @property
    def cost_most_minor(self) -> int:
        """What its offers give away if every member uses every one of them at its most."""
        return self.members.count * sum(self.idea.offers.values()) * self.offer_minor


def recommended(*, at) -> list[Recommended]:
    """Every action that would reach somebody, the greatest expected value first."""
    measured, drafts = measured_lift(), _drafts()
    found = (_weighed(idea, measured, drafts.get(f"{FLOW}{idea.code}"), at) for idea in ideas(at=at))
    return sorted((one for one in found if one), key=lambda one: (-one.gain.expected_minor, one.idea.code))


def measured_lift() -> series.Pooled | None:
    """What this shop's measured campaigns sold more per member sent, pooled; rehearsals and broken splits are left out."""
    reports = LiftReport.objects.filter(is_final=True, campaign__kind=Campaign.Kind.ORDINARY).order_by("pk")
    return series.of_reports(reports.values_list("figures", flat=True))[0]


def _drafts() -> dict[str, Campaign]:
    """What was made of each action and is not over, the newest."""
    made = Campaign.objects.filter(flow__startswith=FLOW, status__in=OPEN).order_by("pk")
    return {one.flow: one for one in made}


def _weighed(idea: Idea, measured, draft, at) -> Recommended | None:
    members, _reason = audiences.counted(idea.conditions, at=at)
    if not members.count:
        return None
    basket = _basket_minor(idea.conditions, at)
    gain = expected(members=members.count, holdout_percent=HOLDOUT_PERCENT, basket_minor=basket, measured=measured)
    return Recommended(idea, members, round(basket), gain, offer_cost(basket), draft)


# ruff: noqa: S608 - what is put into the statement is the audience's own, with its values as parameters
def _basket_minor(conditions: dict, at) -> float:
    """The mean sale of a year of these members, in minor units; 0 where they bought nothing."""
    who, given = audiences.statement(conditions, at=at)
    asked = f"""SELECT coalesce(avg(p.total_minor), 0)::float8 FROM sales_purchase p
                 WHERE p.kind = 1 AND p.purchased_at > %(advice_at)s - interval '365 days' AND p.purchased_at <= %(advice_at)s
                   AND p.member_id IN (SELECT w.id FROM ({who}) AS w (id) ORDER BY hashint8(w.id::bigint), w.id LIMIT {SAMPLE})"""
    with connection.cursor() as cursor:
        cursor.execute(asked, given | {"advice_at": at})
        return cursor.fetchone()[0]


@transaction.atomic
def accept(code: str, *, at, by=None) -> Campaign:
    """Make the action's campaign, in draft: audience, e-mail in both languages, holdout, offers and budget. Raises NothingToDo.

    Said yes to twice, even at once, the draft that stands is given again.
    """
    with connection.cursor() as cursor:  # a second yes waits for the first, and then finds its draft
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{FLOW}{code}"])
    one = next((one for one in recommended(at=at) if one.idea.code == code), None)
    if one is None:
        raise NothingToDo(_("This is not recommended any more: the figures have changed."))
    if one.draft is not None:
        return one.draft
    idea = one.idea
    made = create(
        name=idea.name[:120], audience=_audience(idea), variants=[_variant(idea)], edited_by=by, flow=f"{FLOW}{code}",
        holdout_percent=HOLDOUT_PERCENT, offers_buy_again=idea.offers.get("buy_again", 0), offers_new_for_you=idea.offers.get("new_for_you", 0),
        offer_cost_minor=one.offer_minor if idea.offers else 0,
    )  # fmt: skip
    if idea.offers:  # enough for every member at the most; less is for the marketer to say
        made.budget_minor = one.members.count * budgets.cost_of(made, made.variants.all())
        made.save(update_fields=["budget_minor"])
    return made


def _audience(idea: Idea) -> Audience:
    """The action's audience under its name; one of that name that was changed since stays as it is, and a new one is made."""
    name, number = idea.name[:110], 1
    while (standing := Audience.objects.filter(name=name).first()) and standing.conditions != idea.conditions:
        number += 1
        name = f"{idea.name[:110]} ({number})"
    return standing or Audience.objects.create(name=name, description=idea.rule[:300], conditions=idea.conditions)


def _variant(idea: Idea) -> dict:
    says = idea.says() if callable(idea.says) else idea.says
    return {"name": _("E-mail"), "email_template": starters.write_words(says, name=idea.name)}
