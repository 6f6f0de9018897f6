"""What stays of care's rows when a member is forgotten."""

from django.db import transaction

from care.models import Answer, Case, CaseEntry, Opportunity, Task

FORGOTTEN = "–"  # a task that is done has an outcome: this one says nothing


@transaction.atomic
def forget_member(*, member_id: int) -> None:
    """Every word they wrote, and every word written about them, goes; counts, clocks and scores stay."""
    cases = Case.objects.filter(member=member_id)
    CaseEntry.objects.filter(case__in=cases).update(text="")
    cases.update(subject="", receipt="")
    Answer.objects.filter(invitation__member=member_id).update(comment="")
    Task.objects.filter(member=member_id).update(text="", title="")
    Task.objects.filter(member=member_id).exclude(outcome="").update(outcome=FORGOTTEN)
    Opportunity.objects.filter(member=member_id).update(name="")
