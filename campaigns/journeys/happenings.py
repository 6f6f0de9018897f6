"""What may happen to a member that a journey can begin with or wait for: read out of the rooms' own tables, by id.

Nothing is announced for it on the money path: a purchase costs journeys nothing, and no news is lost with a killed process.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from delivery.models import MessageEvent
from loyalty.models import ExpiryNotice, MemberEvent, Tier, TierChange
from members.knowing import MemberTag, StageChange, Tag, Touchpoint
from members.models import Member
from sales.models import Purchase


@dataclass(frozen=True)
class Happening:
    """`rows` are the source's rows with `who` (a member's id) and `moment`; `asks` what may be said more exactly, if anything."""

    code: str
    label: str
    rows: Callable[[str], QuerySet]
    asks: str = ""
    choices: Callable[[], list[tuple[str, str]]] | None = None
    is_free: bool = False  # what it asks is typed, not chosen
    is_needed: bool = False

    def all_rows(self) -> QuerySet:
        return self.rows("")

    def words(self, which: str) -> str:
        named = dict(self.choices()).get(which, which) if self.choices and which else which
        return f"{self.label}: {named}" if named else str(self.label)


def _told(rows: QuerySet, *, who: str, moment: str) -> QuerySet:
    return rows.order_by().annotate(who=F(who), moment=F(moment))


def _joined(_which):
    return _told(Member.objects.active(), who="pk", moment="joined_at")


def _purchases(_which):
    sales = Purchase.objects.filter(kind=Purchase.Kind.SALE, member__isnull=False)
    return _told(sales, who="member_id", moment="purchased_at")


def _tier_moves(which, *, is_up):
    moved = TierChange.objects.filter(from_tier__isnull=False, wallet__member__isnull=False)
    moved = moved.filter(**{f"to_tier__rank__{'gt' if is_up else 'lt'}": F("from_tier__rank")})
    return _told(moved.filter(to_tier__code=which) if which else moved, who="wallet__member_id", moment="at")


def _expiring(which):
    notices = ExpiryNotice.objects.filter(wallet__member__isnull=False)
    return _told(notices.filter(horizon_days=which) if which else notices, who="wallet__member_id", moment="at")


def _stages(which):
    changes = StageChange.objects.filter(after=which) if which else StageChange.objects.all()
    return _told(changes, who="member_id", moment="at")


def _tags(which):
    tagged = MemberTag.objects.filter(tag__code=which) if which else MemberTag.objects.all()
    return _told(tagged, who="member_id", moment="at")


def _events(which):
    events = MemberEvent.objects.filter(event=which) if which else MemberEvent.objects.all()
    return _told(events, who="member_id", moment="occurred_at")


def _touchpoints(which):
    met = Touchpoint.objects.filter(member__isnull=False)
    return _told(met.filter(kind=which) if which else met, who="member_id", moment="at")


def _clicks(_which):
    clicks = MessageEvent.objects.filter(
        kind=MessageEvent.Kind.CLICKED, is_machine=False, message__member__isnull=False
    )
    return _told(clicks, who="message__member_id", moment="at")


def _tiers():
    return [(tier.code, tier.name) for tier in Tier.objects.order_by("rank")]


def _horizons():
    return [("30", _("30 days ahead")), ("7", _("7 days ahead"))]


def _tag_codes():
    return [(code, code) for code in Tag.objects.order_by("code").values_list("code", flat=True)]


HAPPENINGS = {
    one.code: one
    for one in (
        Happening("joined", gettext_lazy("Joined the programme"), _joined),
        Happening("purchase", gettext_lazy("Made a purchase"), _purchases),
        Happening(
            "tier_up", gettext_lazy("Reached a higher tier"), lambda which: _tier_moves(which, is_up=True),
            gettext_lazy("Which tier"), _tiers,
        ),
        Happening(
            "tier_down", gettext_lazy("Fell to a lower tier"), lambda which: _tier_moves(which, is_up=False),
            gettext_lazy("Which tier"), _tiers,
        ),
        Happening("expiring", gettext_lazy("Points are about to expire"), _expiring, gettext_lazy("How early"), _horizons),
        Happening(
            "stage", gettext_lazy("Came to another life-cycle stage"), _stages,
            gettext_lazy("Which stage"), lambda: list(Member.LifecycleStage.choices),
        ),
        Happening("tag", gettext_lazy("Got a tag"), _tags, gettext_lazy("Which tag"), _tag_codes),
        Happening(
            "touchpoint", gettext_lazy("Was in touch"), _touchpoints,
            gettext_lazy("In which way"), lambda: list(Touchpoint.Kind.choices),
        ),
        Happening("clicked", gettext_lazy("Clicked in a message"), _clicks),
        Happening(
            "event", gettext_lazy("Event sent by another system"), _events,
            gettext_lazy("Name of the event"), is_free=True, is_needed=True,
        ),
    )
}  # fmt: skip


def rows_of(happening: dict) -> QuerySet:
    """The rows a definition's {"event": code, "which": …} means."""
    return HAPPENINGS[happening["event"]].rows(happening.get("which", ""))


def words_of(happening: dict) -> str:
    one = HAPPENINGS.get(happening.get("event", ""))
    return one.words(happening.get("which", "")) if one else _("nothing chosen yet")
