"""What is asked of members themselves: profile, consent, tags, fields of the shop's own, household, other audiences."""

import calendar
import json
from datetime import datetime, time, timedelta

from django.conf import settings
from django.utils.timezone import localtime, make_aware
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.conditions.asking import (
    DAYS,
    DID,
    Condition,
    Field,
    Invalid,
    Nested,
    Own,
    Rows,
    days_words,
    did_or_not,
    labels,
    name_of,
    newer_or_older,
    tell_choice,
    tell_day,
    window,
)  # fmt: skip
from campaigns.models import Audience
from members import custom
from members.knowing import CustomField, Tag
from members.models import Consent, Member
from members.operations.knowing import personal_hash

BIRTHDAY_DAYS_MAX = 180


def _stages():
    return Member.LifecycleStage.choices


def _languages():
    return [(code, str(name)) for code, name in settings.LANGUAGES]


def _channels():
    return Consent.Channel.choices


def _purposes():
    return Consent.Purpose.choices


def _tags():
    return [(tag.code, tag.code) for tag in Tag.objects.all()]


def _countries():
    found = Member.objects.exclude(country="").order_by("country").values_list("country", flat=True).distinct()
    return [(code, code) for code in found]


# -- profile -----------------------------------------------------------------------------------------------------------


def _stage(at, stages):
    return Own("m.lifecycle_stage = ANY(%(stages)s)", {"stages": stages}, "m.lifecycle_stage")


def _stage_words(stages):
    return _("Life-cycle stage is %(stages)s") % {"stages": labels(_stages(), stages)}


def _stage_changed(at, stages, days):
    source = 'members_stagechange s WHERE s."after" = ANY(%(stages)s) AND s.at > %(since)s AND s.at <= %(until)s'
    given = {"stages": stages, **window(at, days)}
    return Rows(source, given, member="s.member_id", found="max(s.at)", is_merged=True)


def _stage_changed_words(stages, days):
    shown = {"stages": labels(_stages(), stages), "days": days_words(days)}
    return _("Became %(stages)s in the last %(days)s") % shown


def _language(at, languages):
    return Own("m.language = ANY(%(languages)s)", {"languages": languages}, "m.language")


def _language_words(languages):
    return _("Language is %(languages)s") % {"languages": labels(_languages(), languages)}


def _country(at, countries):
    return Own("m.country = ANY(%(countries)s)", {"countries": countries}, "m.country")


def _country_words(countries):
    return _("Country is %(countries)s") % {"countries": labels(_countries(), countries)}


def _joined(at, op, date):
    midnight = make_aware(datetime.combine(datetime.fromisoformat(date), time()))
    return Own(f"m.joined_at {'>=' if op == 'since' else '<'} %(midnight)s", {"midnight": midnight}, "m.joined_at")


def _joined_words(op, date):
    if op == "since":
        return _("Joined on or after %(date)s") % {"date": date}
    return _("Joined before %(date)s") % {"date": date}


def _membership(at, op, days):
    given = window(at, days)
    if op == "newer":
        return Own("m.joined_at > %(since)s AND m.joined_at <= %(until)s", given, "m.joined_at")
    return Own("m.joined_at <= %(since)s", given, "m.joined_at")


def _membership_words(op, days):
    if op == "newer":
        return _("Joined within the last %(days)s") % {"days": days_words(days)}
    return _("Joined more than %(days)s ago") % {"days": days_words(days)}


def birthdays(first, days: int) -> list[int]:
    """Month × 100 + day of every birthday from a day to `days` later; who was born on 29 February is not left out in between."""
    found = []
    for day in (first + timedelta(days=n) for n in range(days + 1)):
        found.append(day.month * 100 + day.day)
        if (day.month, day.day) == (2, 28) and not calendar.isleap(day.year):
            found.append(229)
    return found


def _birthday(at, days):
    today = localtime(at).date()
    test = "COALESCE(m.birth_month * 100 + m.birth_day = ANY(%(birthdays)s), false)"
    found = "to_char(m.birth_month, 'FM00') || '-' || to_char(m.birth_day, 'FM00')"
    return Own(test, {"birthdays": birthdays(today, days)}, found)


def _birthday_words(days):
    return _("Birthday today or within %(days)s") % {"days": days_words(days)}


def _household(at, shared):
    if shared == "any":
        return Own("m.household_id IS NOT NULL")
    together = "SELECT household_id FROM members_member WHERE status = 'active' AND household_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1"
    return Rows(f"members_member h WHERE h.household_id IN ({together})", member="h.id", is_single=True, found="1")


def _households():
    return [("any", _("any household")), ("shared", _("one with other members"))]


def _household_words(shared):
    return _("Belongs to a household: %(which)s") % {"which": labels(_households(), [shared])}


# -- consent and tags --------------------------------------------------------------------------------------------------


def _reachable(at, channel, purpose):
    of = "{0}.channel = %(channel)s AND {0}.purpose = %(purpose)s AND {0}.at <= %(at)s"
    later_no = f"""SELECT FROM members_consent n WHERE n.member_id = y.member_id AND {of.format("n")} AND NOT n.is_granted
                      AND (n.at > y.at OR n.at = y.at AND n.id > y.id)"""
    source = f"members_consent y WHERE {of.format('y')} AND y.is_granted AND NOT EXISTS ({later_no})"
    return Rows(source, {"channel": channel, "purpose": purpose, "at": at}, member="y.member_id", found="max(y.at)")


def _reachable_words(channel, purpose):
    by = labels(_channels(), [channel])
    if purpose == Consent.Purpose.MARKETING:
        return _("Agreed to offers by %(channel)s") % {"channel": by}
    return _("Agreed to “%(purpose)s” by %(channel)s") % {"purpose": labels(_purposes(), [purpose]), "channel": by}


def _tagged(at, op, tags):
    source = "members_membertag t WHERE t.tag_id IN (SELECT id FROM members_tag WHERE code = ANY(%(tags)s))"
    return Rows(source, {"tags": tags}, member="t.member_id", found="max(t.at)", is_absent=op == "no", is_merged=True)


def _tagged_words(op, tags):
    if op == "no":
        return _("Does not carry the tag %(tags)s") % {"tags": labels([], tags)}
    return _("Carries the tag %(tags)s") % {"tags": labels([], tags)}


# -- custom fields -----------------------------------------------------------------------------------------------------


def _custom_fields():
    return [(field.code, field.label) for field in CustomField.objects.all()]


def _custom_ops():
    return [
        ("is", _("is")), ("is_not", _("is not")), ("at_least", _("at least, or not before")),
        ("at_most", _("at most, or not after")), ("filled", _("is filled in")), ("empty", _("is empty")),
    ]  # fmt: skip


def _custom_check(given: dict) -> dict:
    """The value in the field's own kind; a personal one is only ever asked whether it equals something."""
    field = CustomField.objects.get(code=given["field"])
    if given["op"] in ("filled", "empty"):
        return given | {"value": ""}
    if field.is_personal and given["op"] not in ("is", "is_not"):
        raise Invalid(_("“%(field)s” is personal: ask only whether it is, or is not, something.") % {"field": field})
    if given["op"] in ("at_least", "at_most") and field.kind not in (CustomField.Kind.NUMBER, CustomField.Kind.DATE):
        raise Invalid(_("“%(field)s” is neither a number nor a date: nothing is more or less.") % {"field": field})
    try:
        value = custom.clean(field.kind, given["value"], choices=field.choices)
    except ValueError as problem:
        raise Invalid(str(problem)) from None
    if value is None:
        raise Invalid(_("Fill in what “%(field)s” is compared with.") % {"field": field})
    return given | {"value": value}


_CUSTOM = {
    "is": "COALESCE({own} = %(value)s::jsonb, false)",
    "is_not": "COALESCE({own} <> %(value)s::jsonb, true)",
    "at_least": "COALESCE(jsonb_typeof({own}) = jsonb_typeof(%(value)s::jsonb) AND {own} >= %(value)s::jsonb, false)",
    "at_most": "COALESCE(jsonb_typeof({own}) = jsonb_typeof(%(value)s::jsonb) AND {own} <= %(value)s::jsonb, false)",
    "filled": "COALESCE(jsonb_typeof({own}) <> 'null', false)",
    "empty": "COALESCE(jsonb_typeof({own}) = 'null', true)",
}


def _custom(at, field, op, value):
    found = CustomField.objects.get(code=field)
    if found.is_personal:
        source, given = "members_customvalue WHERE field_id = %(field)s", {"field": found.pk}
        if op in ("is", "is_not"):
            source, given = f"{source} AND value_hash = %(hash)s", given | {"hash": personal_hash(found, value)}
        return Rows(source, given, is_absent=op in ("is_not", "empty"), is_single=True, found="NULL::text")
    own = "(m.custom_fields -> %(field)s)"
    return Own(_CUSTOM[op].format(own=own), {"field": field, "value": json.dumps(value)}, f"{own} #>> '{{}}'")


def _custom_words(field, op, value):
    shown = {"field": name_of(_custom_fields(), field, "?"), "value": value}
    return {
        "is": _("%(field)s is “%(value)s”"), "is_not": _("%(field)s is not “%(value)s”"),
        "at_least": _("%(field)s is at least %(value)s"), "at_most": _("%(field)s is at most %(value)s"),
        "filled": _("%(field)s is filled in"), "empty": _("%(field)s is empty"),
    }[op] % shown  # fmt: skip


# -- other audiences ---------------------------------------------------------------------------------------------------


def audience_choices():
    return [(str(pk), name) for pk, name in Audience.objects.values_list("pk", "name")]


def _audience(at, op, audience):
    if Audience.objects.filter(pk=audience, kind=Audience.Kind.LIST).exists():
        return Rows(
            "campaigns_audiencemember k WHERE k.audience_id = %(audience)s", {"audience": int(audience)}, is_absent=op == "no",
            member="k.member_id", found="min(k.entered_at)", is_merged=True,
        )  # fmt: skip
    return Nested(int(audience), is_absent=op == "no")


def _audience_words(op, audience):
    name = {"name": name_of(audience_choices(), audience, "?")}
    return _("Not in the audience “%(name)s”") % name if op == "no" else _("In the audience “%(name)s”") % name


CONDITIONS = (
    Condition(
        "lifecycle_stage", gettext_lazy("Life-cycle stage"), (Field("stages", gettext_lazy("stages"), "choices", ["at_risk"], _stages),),
        _stage, _stage_words, tell_choice(_stages),
    ),
    Condition(
        "stage_changed", gettext_lazy("Life-cycle stage reached"),
        (Field("stages", gettext_lazy("stages"), "choices", ["at_risk"], _stages), DAYS), _stage_changed, _stage_changed_words, tell_day,
    ),
    Condition(
        "reachable", gettext_lazy("Agreed to a channel"),
        (
            Field("channel", gettext_lazy("channel"), "choice", "email", _channels),
            Field("purpose", gettext_lazy("purpose"), "choice", "marketing", _purposes),
        ),
        _reachable, _reachable_words, tell_day,
    ),
    Condition(
        "language", gettext_lazy("Language"), (Field("languages", gettext_lazy("languages"), "choices", ["en"], _languages),),
        _language, _language_words, tell_choice(_languages),
    ),
    Condition(
        "country", gettext_lazy("Country"), (Field("countries", gettext_lazy("countries"), "choices", [], _countries),), _country,
        _country_words, tell_choice(_countries),
    ),
    Condition(
        "joined", gettext_lazy("Joined"),
        (
            Field("op", gettext_lazy("when"), "choice", "since", lambda: [("since", _("on or after")), ("before", _("before"))]),
            Field("date", gettext_lazy("date"), "date"),
        ),
        _joined, _joined_words, tell_day,
    ),
    Condition(
        "membership", gettext_lazy("Time as a member"), (Field("op", gettext_lazy("when"), "choice", "newer", newer_or_older), DAYS),
        _membership, _membership_words, tell_day,
    ),
    Condition(
        "birthday", gettext_lazy("Birthday"),
        (Field("days", gettext_lazy("within days"), "number", 7, low=0, high=BIRTHDAY_DAYS_MAX),), _birthday, _birthday_words,
        tell_choice(list),
    ),
    Condition(
        "tag", gettext_lazy("Tag"), (DID, Field("tags", gettext_lazy("tags"), "choices", [], _tags)), _tagged, _tagged_words, tell_day,
    ),
    Condition(
        "custom_field", gettext_lazy("Field of your own"),
        (
            Field("field", gettext_lazy("field"), "choice", "", _custom_fields),
            Field("op", gettext_lazy("comparison"), "choice", "is", _custom_ops),
            Field("value", gettext_lazy("value"), "text", is_optional=True),
        ),
        _custom, _custom_words, tell_choice(list), _custom_check,
    ),
    Condition(
        "household", gettext_lazy("Household"), (Field("shared", gettext_lazy("household"), "choice", "any", _households),), _household,
        _household_words,
    ),
    Condition(
        "audience", gettext_lazy("In another audience"),
        (Field("op", gettext_lazy("whether"), "choice", "yes", did_or_not), Field("audience", gettext_lazy("audience"), "choice", "", audience_choices)),
        _audience, _audience_words,
    ),
)  # fmt: skip
