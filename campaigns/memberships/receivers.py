"""News heard: whom something happened to is asked about again."""

from django.dispatch import receiver

from campaigns.memberships import keeping
from campaigns.memberships.models import AudienceMember, MemberNews
from care.models import Answer, Case
from care.signals import case_closed, case_opened, survey_answered
from delivery.signals import message_evidence
from loyalty.signals import tier_changed
from members.signals import (
    consent_changed,
    lifecycle_stages_changed,
    member_erased,
    member_merged,
    member_unmerged,
    members_changed,
)  # fmt: skip


@receiver(message_evidence)
def heard_of_messages(message_ids, **_news):
    keeping.note_messages(message_ids)


@receiver(tier_changed)
def rose_or_fell(changes, **_news):
    keeping.note([change.member_id for change in changes])


@receiver(lifecycle_stages_changed)
def changed_stage(changes, **_news):
    keeping.note([member_id for member_id, _before, _after in changes])


@receiver(consent_changed)
def agreed_or_refused(member_id, **_news):
    keeping.note([member_id])


@receiver(members_changed)
def was_written_to(member_ids, **_news):
    keeping.note(member_ids)


@receiver(case_opened)
@receiver(case_closed)
def had_a_case(case_id, **_news):
    keeping.note(Case.objects.filter(pk=case_id).values_list("member_id", flat=True))


@receiver(survey_answered)
def answered(answer_id, **_news):
    keeping.note(Answer.objects.filter(pk=answer_id).values_list("invitation__member_id", flat=True))


@receiver(member_merged)
@receiver(member_unmerged)
def became_one_or_two(survivor_id, absorbed_id, **_news):
    keeping.note([survivor_id, absorbed_id])


@receiver(member_erased)
def forget(member_id, **_news):
    for rows in (AudienceMember, MemberNews):
        rows.objects.filter(member_id=member_id).delete()
