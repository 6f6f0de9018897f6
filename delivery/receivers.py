"""News from the floor."""

from django.dispatch import receiver
from django.utils.translation import gettext as _

from delivery.models import MessageEvent
from delivery.operations import forget_member, write_confirmations
from delivery.queries import messages_to
from members.clock import now
from members.personal_data import Section, rows_of
from members.signals import consent_asked, member_erased, personal_data_asked


@receiver(member_erased)
def forget(member_id, **kwargs):
    forget_member(member_id=member_id)


@receiver(consent_asked)
def ask(**kwargs):
    """At once; where that fails, the sweeper finds what waits."""
    write_confirmations(at=now())


@receiver(personal_data_asked)
def tell(member_id, **kwargs):
    events = MessageEvent.objects.filter(message__member_id=member_id).order_by("at", "pk")
    return [
        Section(
            "messages",
            _("Messages to you, sent or not"),
            rows_of(
                messages_to(member_id),
                "channel", "purpose", "state", "skip_reason", "due_at", "sent_at", message="id", cause="cause",
            ),
        ),
        Section(
            "message_events",
            _("What became of the messages"),
            rows_of(events, "at", "kind", message="message_id", link="link", by_machine="is_machine"),
        ),
    ]  # fmt: skip
