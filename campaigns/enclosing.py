"""What messages bring along beside words: invitations to a survey, voucher codes, and who is in an audience.

`enclose` makes what has to be made, once for one cause; `values` tells it to the message. A code itself is not among the
values: delivery opens it at the moment of sending.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from campaigns import audiences
from campaigns.models import Audience
from care import operations as care
from care import queries as asked
from care.models import Survey
from delivery import contents
from emails import enclosures
from emails.enclosures import Needs
from emails.fields import CODE, FIELDS, VOUCHER, day
from loyalty import operations as loyalty
from loyalty import rewards
from members import custom
from members import queries as people
from members.models import Member
from push import operations as push

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
SAMPLE_SURVEY = f"{settings.SITE_URL}/portal/"


@enclosures.source_of_audiences
def audiences_to_choose() -> list[tuple[str, str]]:
    return [(str(pk), name) for pk, name in Audience.objects.values_list("pk", "name")]


def needs_of(template, language: str, push_template=None) -> Needs:
    """What the words a member of this language gets ask for, by e-mail and by push; nothing where there is neither."""
    needs = enclosures.needs(template.in_language(language)) if template else Needs()
    if push_template is None:
        return needs
    said = push.wording_for(push_template, language)
    return replace(needs, own=needs.own | custom.codes_in(said.title, said.body))


def needs_of_content(content: str) -> Needs:
    """The same of something frozen ("emails.FrozenEmail:12"), as it stood then."""
    _handler, frozen = contents.resolve(content)
    if not hasattr(frozen, "constants"):
        return Needs(own=custom.codes_in(frozen.title, frozen.body))
    return Needs.thawed(frozen.constants.get(enclosures.NEEDS, {}))


def enclose(*, needs: Needs, member_ids: Sequence[int], cause: str, at) -> None:
    """Invite to the surveys and give the codes that a message for this cause shows. Repeatable."""
    for survey in Survey.objects.filter(pk__in=needs.surveys, is_live=True):
        care.invite(survey=survey, members=Member.objects.filter(pk__in=member_ids), cause=cause, at=at)
    for pool in sorted(needs.pools):
        loyalty.give_codes(pool_id=pool, member_ids=member_ids, at=at)


def values(member_ids: Sequence[int], *, needs: Needs, cause: str, at) -> dict[int, dict]:
    """Field → value of what was enclosed, for each member. One query for each audience, survey and pool."""
    told: dict[int, dict] = {member_id: {} for member_id in member_ids}
    for audience in Audience.objects.filter(pk__in=needs.audiences):
        inside = set(
            audiences.compile(audience.conditions, at=at).filter(pk__in=member_ids).values_list("pk", flat=True)
        )
        for member_id in member_ids:
            told[member_id][enclosures.flag(str(audience.pk))] = member_id in inside
    for member_id, token in asked.tokens(survey_ids=needs.surveys, member_ids=member_ids, cause=cause).items():
        told[member_id]["survey_url"] = f"{settings.SITE_URL}/portal/surveys/{token}/"
    for member_id, kept in people.told_fields(member_ids, needs.own).items():
        told[member_id] |= {f"{custom.OWN}{code}": _in_words(value) for code, value in kept.items()}
    for member_id, given in rewards.vouchers_given(needs.pools, member_ids, at=at).items():
        told[member_id] |= {
            VOUCHER: given.voucher_id,
            "voucher_name": given.gives,
            "voucher_until": given.until.isoformat(),
        }
    return told


def _in_words(value) -> str:
    """A custom field's value as a person of the active language reads it."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int | float):
        return f"{value:,}"
    return day(value, get_language()) if _DAY.fullmatch(value) else value


def for_preview(member_id: int, *, needs: Needs, at) -> dict:
    """The same for one member who was given nothing yet: audiences as they are, and a code and a question that lead nowhere."""
    told = values([member_id], needs=Needs(audiences=needs.audiences, own=needs.own), cause="", at=at)[member_id]
    if needs.surveys:
        told["survey_url"] = SAMPLE_SURVEY
    if needs.pools:
        told |= {name: FIELDS[name].sample for name in (CODE, "voucher_name", "voucher_until")}
    return told
