"""News from the floor."""

from django.dispatch import receiver
from django.utils.translation import gettext as _

from care.models import Answer, CaseEntry, Opportunity, Task
from care.operations import forget_member
from members.personal_data import Section, rows_of
from members.signals import member_erased, personal_data_asked


@receiver(member_erased)
def forget(member_id, **kwargs):
    forget_member(member_id=member_id)


@receiver(personal_data_asked)
def tell(member_id, **kwargs):
    entries = CaseEntry.objects.filter(case__member=member_id).exclude(kind=CaseEntry.Kind.NOTE)
    return [
        Section(
            "cases",
            _("What you asked us, and what we answered"),
            rows_of(
                entries.order_by("case", "at", "pk"),
                "at", "kind", "text", case="case_id", topic="case__topic__code", status="case__status",
            ),
        ),
        Section(
            "survey_answers",
            _("What you answered in surveys"),
            rows_of(
                Answer.objects.filter(invitation__member=member_id).order_by("answered_at"),
                "answered_at", "score", "comment", survey="invitation__survey__name",
            ),
        ),
        Section("tasks", _("What staff were to do for you"), rows_of(Task.objects.filter(member=member_id).order_by("pk"), "title", "opened_at", "done_at", "outcome")),
        Section("opportunities", _("Sales we talk about"), rows_of(Opportunity.objects.filter(member=member_id).order_by("pk"), "name", "value_minor", "currency", "opened_at", "closed_at", "is_won", stage="stage__code")),
    ]  # fmt: skip
