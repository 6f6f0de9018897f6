"""Ready flows: campaigns that every shop wants, with audience, trigger, words in both languages, and a holdout. Four clicks to live."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import time

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import flow_words as words
from campaigns.models import Audience, Campaign
from campaigns.operations.drafting import create

EVERYBODY = {"match": "all", "conditions": []}
Timing, Reentry = Campaign.Timing, Campaign.Reentry


class NoSuchFlow(LookupError):
    """There is no ready flow of that name."""


@dataclass(frozen=True)
class Flow:
    """`says`: what the card of the flow tells. `variants`: name → the e-mail's words; `settings`: fields of Campaign."""

    code: str
    name: str
    says: str
    variants: dict[str, Callable[[], dict] | dict]
    settings: dict = field(default_factory=dict)
    audience: tuple[str, dict] = (gettext_lazy("All members"), EVERYBODY)


def _triggered(code: str, *, delay_minutes: int = 0, **more) -> dict:
    return {"timing": Timing.TRIGGERED, "trigger": code, "delay_minutes": delay_minutes, "is_local": True} | more


def _again_after(days: int) -> dict:
    return {"reentry": Reentry.DAYS, "reentry_days": days}


def _win_back():
    from emails.starters import WIN_BACK

    return WIN_BACK


HOUR, DAY = 60, 24 * 60
FLOWS = {
    one.code: one
    for one in (
        Flow(
            "welcome", gettext_lazy("Welcome"), gettext_lazy("An hour after somebody joins: how points work, and first offers."),
            {"Welcome": words.WELCOME}, _triggered("joined", delay_minutes=HOUR),
        ),
        Flow(
            "birthday", gettext_lazy("Birthday"), gettext_lazy("On the day, at nine by the member's own clock."),
            {"Birthday": words.BIRTHDAY}, _triggered("birthday", local_time=time(9), reentry=Reentry.ALWAYS),
        ),
        Flow(
            "win_back", gettext_lazy("Win back"),
            gettext_lazy("Once, to members who are at risk or have lapsed: their favourites against a short note."),
            {"Favourites": _win_back, "Short note": words.WIN_BACK_SHORT}, {},
            (
                gettext_lazy("At risk or lapsed"),
                {"match": "all", "conditions": [{"type": "lifecycle_stage", "stages": ["at_risk", "lapsed"]}]},
            ),
        ),
        Flow(
            "points_expiring", gettext_lazy("Points expiring"), gettext_lazy("Thirty days before points expire."),
            {"Reminder": words.EXPIRING},
            _triggered("points_expiring", local_time=time(10), trigger_settings={"days_before": 30, "points": 1}, **_again_after(30)),
        ),
        Flow(
            "tier_up", gettext_lazy("Tier up"), gettext_lazy("Two hours after a member reaches a higher tier."),
            {"Congratulations": words.TIER_UP},
            _triggered("tier", delay_minutes=2 * HOUR, trigger_settings={"way": "up"}, reentry=Reentry.ALWAYS),
        ),
        Flow(
            "after_purchase", gettext_lazy("After a purchase"), gettext_lazy("Three days after a purchase, once in two weeks at most."),
            {"Thank you": words.AFTER_PURCHASE},
            _triggered("purchase", delay_minutes=3 * DAY, trigger_settings={"spend": 0}, **_again_after(14)),
        ),
        Flow(
            "replenishment", gettext_lazy("Time to restock"), gettext_lazy("Two days before something is foretold to run out."),
            {"Restock": words.REPLENISHMENT},
            _triggered("replenishment", local_time=time(10), trigger_settings={"days_before": 2}, **_again_after(21)),
        ),
        Flow(
            "abandoned_visit", gettext_lazy("Looked, and left"),
            gettext_lazy("Four hours after a visit to the shop's site, if nothing was bought since."),
            {"Still here": words.ABANDONED}, _triggered("visited", delay_minutes=4 * HOUR, **_again_after(7)),
        ),
    )
}  # fmt: skip


@transaction.atomic
def make(code: str, *, by=None) -> Campaign:
    """The campaign of a ready flow as a draft, with e-mails that can be edited first. Raises NoSuchFlow."""
    if code not in FLOWS:
        raise NoSuchFlow(_("There is no ready flow of that name."))
    flow = FLOWS[code]
    name, conditions = flow.audience
    audience, _new = Audience.objects.get_or_create(name=str(name), defaults={"conditions": conditions})
    variants = [
        {"name": variant, "email_template": _email(flow, variant, told)} for variant, told in flow.variants.items()
    ]
    return create(name=str(flow.name), audience=audience, variants=variants, flow=code, edited_by=by, **flow.settings)


def _email(flow, variant, told):
    from emails import starters  # late: the words of an e-mail bring its blocks with them

    title = str(flow.name) if len(flow.variants) == 1 else f"{flow.name} · {variant}"
    return starters.write_words(told() if callable(told) else told, name=title)
