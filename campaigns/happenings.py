"""The catalogue of what may happen to a member: what sets off a campaign, what a journey begins with or waits for.

Nothing is announced for it on the money path: a purchase costs campaigns nothing, and no news is lost with a killed process. A
happening is told by rows that other rooms keep (`sources`), which journeys read in the order of their ids and campaigns by time; or
it comes with a day of the calendar (`comes`; campaigns/coming.py), which is asked by time alone. `settings` say it more exactly.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import CharField, F, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from campaigns import coming
from campaigns.conditions import Field, Invalid
from campaigns.offered import is_offered
from delivery.models import MessageEvent
from loyalty.models import ExpiryNotice, MemberEvent, Tier, TierChange
from members.knowing import MemberTag, StageChange, Tag, Touchpoint
from members.models import Member
from sales.models import Purchase

RECORDED_LATE = timedelta(hours=6)
"""Tills may be offline and files may come at night: who asks by time asks so much before again. Keys keep it single."""
DAYS_AHEAD_MAX = 90
NAME_MAX = 40
EVENT_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")

Asked = tuple[str, dict | tuple]


@dataclass(frozen=True)
class Source:
    """Rows of one table, each with `who` (a member's id) and `moment`. `code` stands before a row's id in keys and causes."""

    code: str
    rows: Callable[[dict], QuerySet]
    is_once: bool = False  # it happens to a member once: the code alone is its key

    def all_rows(self) -> QuerySet:
        return self.rows({})

    def cause(self):
        """The name of each row, for whoever must not take it twice."""
        return Concat(Value(f"{self.code}:"), Cast("pk", CharField()), output_field=CharField())

    def happened(self, settings: dict, *, after: datetime, until: datetime) -> QuerySet:
        """Values member, key, moment of what happened in (after, until]."""
        key = Value(self.code, output_field=CharField()) if self.is_once else self.cause()
        rows = self.rows(settings).filter(moment__gt=after, moment__lte=until)
        return rows.annotate(key_=key).values_list("who", "key_", "moment")


@dataclass(frozen=True)
class Which:
    """The one thing a journey may say more exactly of a happening, in `settings` under “which”."""

    label: str
    choices: Callable[[], list[tuple[str, str]]] | None = None  # None: it is typed
    is_needed: bool = False

    def clean(self, which: str) -> None:
        """Raises Invalid."""
        if self.is_needed and not which:
            raise Invalid(_("“%(label)s” is missing.") % {"label": self.label})
        if self.choices is None and which and not EVENT_NAME.fullmatch(which):
            raise Invalid(_("An event's name is written in small letters, digits and underscores."))
        if self.choices and which and which not in {str(key) for key, _label in self.choices()}:
            raise Invalid(_("“%(label)s” names something that is not there (any more).") % {"label": self.label})


@dataclass(frozen=True)
class Happening:
    """`fields` are the settings a campaign asks for. `still`: a condition over an entry `e`, asked again when its message is due."""

    code: str
    label: str
    sources: tuple[Source, ...] = ()
    comes: Callable[[dict, datetime, datetime], Asked | None] | None = None
    fields: tuple[Field, ...] = ()
    which: Which | None = None
    still: str = ""
    sets_off: bool = True  # campaigns offer it; what has sources is offered to journeys

    def words(self, which: str = "") -> str:
        if not which:
            return str(self.label)
        named = dict(self.which.choices()).get(which, which) if self.which and self.which.choices else which
        return f"{self.label}: {named}"


def _told(rows: QuerySet, *, who: str, moment: str) -> QuerySet:
    return rows.order_by().annotate(who=F(who), moment=F(moment))


# -- rows --------------------------------------------------------------------------------------------------------------


def _joined(_settings):
    # Members who are imported joined elsewhere, long ago; who joins at a till that is offline may be some hours late.
    return _told(Member.objects.active(), who="pk", moment="joined_at")


def _purchases(settings):
    sales = Purchase.objects.filter(kind=Purchase.Kind.SALE, member__isnull=False)
    if spend := settings.get("spend"):
        sales = sales.filter(total_minor__gte=spend * 100)
    return _told(sales, who="member_id", moment="purchased_at")


def _tier_moves(settings, way: str):
    moved = TierChange.objects.filter(wallet__member__isnull=False)
    moved = moved.filter(**{f"to_tier__rank__{'gt' if way == 'up' else 'lt'}": F("from_tier__rank")})
    if which := settings.get("which"):
        moved = moved.filter(to_tier__code=which)
    return _told(moved, who="wallet__member_id", moment="at")


def _either_way(settings):
    """A first tier is a higher one, too."""
    if settings.get("way") == "down":
        return _tier_moves({}, "down")
    climbed = Q(from_tier__isnull=True) | Q(to_tier__rank__gt=F("from_tier__rank"))
    return _told(TierChange.objects.filter(climbed, wallet__member__isnull=False), who="wallet__member_id", moment="at")


def _expiring(settings):
    notices = ExpiryNotice.objects.filter(wallet__member__isnull=False)
    which = settings.get("which")
    return _told(notices.filter(horizon_days=which) if which else notices, who="wallet__member_id", moment="at")


def _stages(settings):
    changes, which = StageChange.objects.all(), settings.get("which")
    if wanted := [which] if which else settings.get("stages"):
        changes = changes.filter(after__in=wanted)
    return _told(changes, who="member_id", moment="at")


def _tags(settings):
    tagged, which = MemberTag.objects.all(), settings.get("which")
    return _told(tagged.filter(tag__code=which) if which else tagged, who="member_id", moment="at")


def _events(settings):
    events, named = MemberEvent.objects.all(), settings.get("which") or settings.get("event")
    return _told(events.filter(event=named) if named else events, who="member_id", moment="occurred_at")


def _events_met(settings):
    """Events that came as a touchpoint: those of the shop's own site and app."""
    met, named = Touchpoint.objects.filter(member__isnull=False), settings.get("which") or settings.get("event")
    return _told(met.filter(event=named) if named else met.exclude(event=""), who="member_id", moment="at")


def _touchpoints(settings):
    met, which = Touchpoint.objects.filter(member__isnull=False), settings.get("which")
    return _told(met.filter(kind=which) if which else met, who="member_id", moment="at")


def _clicks(_settings):
    clicks = MessageEvent.objects.filter(
        kind=MessageEvent.Kind.CLICKED, is_machine=False, message__member__isnull=False
    )
    return _told(clicks, who="message__member_id", moment="at")


# -- what can be chosen ------------------------------------------------------------------------------------------------


def _tiers():
    return [(tier.code, tier.name) for tier in Tier.objects.order_by("rank")]


def _horizons():
    return [("30", _("30 days ahead")), ("7", _("7 days ahead"))]


def _tag_codes():
    return [(code, code) for code in Tag.objects.order_by("code").values_list("code", flat=True)]


def _ways():
    return [("up", _("a higher tier")), ("down", _("a lower tier"))]


def _stage_names():
    return list(Member.LifecycleStage.choices)


def _kinds_of_touch():
    return list(Touchpoint.Kind.choices)


_BEFORE = Field(
    "days_before", pgettext_lazy("a number of days", "days before"), "number", 0, low=0, high=DAYS_AHEAD_MAX
)
_TWO_BEFORE = Field(
    "days_before", pgettext_lazy("a number of days", "days before"), "number", 2, low=0, high=DAYS_AHEAD_MAX
)

HAPPENINGS = {
    one.code: one
    for one in (
        Happening("joined", gettext_lazy("Joined the programme"), (Source("joined", _joined, is_once=True),)),
        Happening("birthday", gettext_lazy("Has a birthday"), comes=coming.birthday, fields=(_BEFORE,)),
        Happening(
            "tier", gettext_lazy("Came to another tier"), (Source("tier", _either_way),),
            fields=(Field("way", pgettext_lazy("after a change", "to"), "choice", "up", _ways),),
        ),
        Happening(
            "tier_up", gettext_lazy("Reached a higher tier"), (Source("tier_up", lambda told: _tier_moves(told, "up")),),
            which=Which(gettext_lazy("Which tier"), _tiers), sets_off=False,
        ),
        Happening(
            "tier_down", gettext_lazy("Fell to a lower tier"), (Source("tier_down", lambda told: _tier_moves(told, "down")),),
            which=Which(gettext_lazy("Which tier"), _tiers), sets_off=False,
        ),
        Happening(
            "expiring", gettext_lazy("Points are about to expire"), (Source("expiring", _expiring),),
            which=Which(gettext_lazy("How early"), _horizons), sets_off=False,
        ),
        Happening(
            "points_expiring", gettext_lazy("Points are about to expire"), comes=coming.points_expiring,
            fields=(
                Field("days_before", pgettext_lazy("a number of days", "days before"), "number", 30, low=0, high=DAYS_AHEAD_MAX),
                Field("points", gettext_lazy("at least this many points"), "number", 1, low=1),
            ),
        ),
        Happening(
            "purchase", gettext_lazy("Made a purchase"), (Source("purchase", _purchases),),
            fields=(Field("spend", gettext_lazy("of at least, in whole units of the currency"), "number", 0, low=0),),
        ),
        Happening(
            "stage", gettext_lazy("Came to another life-cycle stage"), (Source("stage", _stages),),
            fields=(Field("stages", pgettext_lazy("after a change", "to"), "choices", ["at_risk", "lapsed"], _stage_names),),
            which=Which(gettext_lazy("Which stage"), _stage_names),
        ),
        Happening("offer_expiring", gettext_lazy("Has an offer that is about to end"), comes=coming.offer_expiring, fields=(_TWO_BEFORE,)),
        Happening("replenishment", gettext_lazy("Is about to run out of something"), comes=coming.replenishment, fields=(_TWO_BEFORE,)),
        Happening(
            "visited", gettext_lazy("Visited the shop's site, and bought nothing since"), comes=coming.visited,
            still=coming.NOTHING_BOUGHT,
        ),
        Happening(
            "tag", gettext_lazy("Got a tag"), (Source("tag", _tags),), fields=(Field("which", gettext_lazy("tag"), "choice", "", _tag_codes),),
            which=Which(gettext_lazy("Which tag"), _tag_codes),
        ),
        Happening(
            "touchpoint", gettext_lazy("Was in touch"), (Source("touchpoint", _touchpoints),),
            which=Which(gettext_lazy("In which way"), _kinds_of_touch), sets_off=False,
        ),
        Happening("clicked", gettext_lazy("Clicked in a message"), (Source("clicked", _clicks),), sets_off=False),
        Happening(
            "event", gettext_lazy("Event sent by another system"), (Source("event", _events), Source("touch", _events_met)),
            fields=(Field("event", gettext_lazy("name of the event"), "name", ""),),
            which=Which(gettext_lazy("Name of the event"), is_needed=True),
        ),
    )
}  # fmt: skip


SOURCES = {source.code: source for one in HAPPENINGS.values() for source in one.sources}


# -- by time: campaigns ------------------------------------------------------------------------------------------------


def triggers(*, chosen: str = "") -> list[Happening]:
    """What can set off a campaign; `chosen` does already, whatever was switched off since."""
    return [one for one in HAPPENINGS.values() if one.sets_off and (one.code == chosen or is_offered(one.code))]


def happened(code: str, settings: dict, *, after: datetime, until: datetime) -> Asked | None:
    """One SELECT of member_id, key, occurred_at for what happened in (after, until], with its parameters by name; None when nothing
    can have. Some hours before `after` are asked again. Raises Invalid for an unknown code.
    """
    told = clean(code, settings)
    one = HAPPENINGS[code]
    if one.comes:
        return one.comes(told, after, until)
    return _joined_up(source.happened(told, after=after - RECORDED_LATE, until=until) for source in one.sources)


def _joined_up(asked: Iterable[QuerySet]) -> Asked:
    """Queries as one statement whose parameters have names, so that it may stand inside another."""
    parts, given = [], {}
    for rows in asked:
        sql, values = rows.query.sql_with_params()
        names = [f"told{len(given) + number}" for number in range(len(values))]
        given |= dict(zip(names, values, strict=True))
        parts.append(sql % tuple(f"%({name})s" for name in names))
    return " UNION ALL ".join(parts), given


def clean(code: str, settings: dict) -> dict:
    """A campaign's settings with every field checked and in its own type. Raises Invalid, saying what to change."""
    one = HAPPENINGS.get(code)
    if one is None or not one.sets_off:
        raise Invalid(_("There is no such trigger."))
    return {field.name: _cleaned(field, settings.get(field.name, field.default)) for field in one.fields}


def _cleaned(one: Field, value):
    if one.kind != "name":
        return one.clean(value)
    text = str(value).strip()
    if not text or len(text) > NAME_MAX:
        raise Invalid(_("Say which event, in the name the other system gives it."))
    return text


def words(code: str) -> str:
    return str(HAPPENINGS[code].label) if code in HAPPENINGS else ""


# -- by id: journeys ---------------------------------------------------------------------------------------------------


def waited_for() -> list[Happening]:
    """What a journey can begin with or wait for."""
    return [one for one in HAPPENINGS.values() if one.sources and one.code != "tier"]


def rows_of(happening: dict) -> list[tuple[Source, QuerySet]]:
    """The sources of a definition's {"event": code, "which": …}, each with the rows it means."""
    return [(source, source.rows(happening)) for source in HAPPENINGS[happening["event"]].sources]


def heard_as(source_code: str) -> str:
    """What the rows of a source tell of, in words; nothing for what is no source."""
    told = [one for one in HAPPENINGS.values() if any(source.code == source_code for source in one.sources)]
    return str(told[0].label) if told else ""


def words_of(happening: dict) -> str:
    one = HAPPENINGS.get(happening.get("event", ""))
    return one.words(happening.get("which", "")) if one else _("nothing chosen yet")
