"""Messages in doubt: what goes again by itself, what an operator's policy decides, and the page where a person does."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.test import Client
from django.urls import reverse

from delivery import operations, queries
from delivery.models import ChannelPolicy, Message
from delivery.outbox import EVIDENCE_GRACE
from members.clock import now
from members.operations import add_staff
from tests.delivery.conftest import AT
from tests.signing_in import at_door

pytestmark = pytest.mark.django_db


@pytest.fixture
def doubtful(enrolled, outbox, hop):
    """Leave `count` messages in doubt, past the time in which the hop might still take them."""

    def make(count=3, cause="campaign:1", **options):
        enrolled(count, consents=("email", ("email", "points", True)))
        written = outbox(cause, **options)
        hop.answers = {f"m{number}@example.com": ("unknown", "connection lost") for number in range(1, count + 1)}
        assert operations.deliver_chunk(worker="w", at=AT).in_doubt == count
        hop.answers = {}
        Message.objects.update(lease_until=F("lease_until") - EVIDENCE_GRACE * 2)
        return written

    return make


def states():
    return list(Message.objects.order_by("pk").values_list("state", flat=True))


@pytest.mark.parametrize("purpose", ["transactional", "points"])
def test_a_code_in_doubt_is_sent_again_because_it_must_arrive_at_least_once(doubtful, hop, purpose):
    doubtful(2, purpose=purpose)
    operations.sweep(at=AT)
    assert operations.deliver_chunk(worker="w2", at=AT).sent == 2
    assert set(hop.copies.values()) == {1}


def test_a_code_that_is_always_in_doubt_waits_for_a_person_after_four_tries(doubtful):
    doubtful(1, purpose="transactional")
    Message.objects.update(attempts=4)
    operations.sweep(at=AT)
    assert states() == ["in_doubt"]


def test_an_offer_in_doubt_waits_for_a_person_unless_a_policy_says_otherwise(doubtful):
    doubtful(2)
    operations.sweep(at=AT + timedelta(days=30))
    assert states() == ["in_doubt"] * 2


@pytest.mark.parametrize(("after", "state"), [("sent", "sent"), ("again", "pending")])
def test_a_policy_decides_offers_once_evidence_has_had_its_days(doubtful, after, state):
    doubtful(2)
    operations.set_doubt_policy(channel="email", after_doubt=after, doubt_days=3)
    operations.sweep(at=AT + timedelta(days=2))
    assert states() == ["in_doubt"] * 2
    operations.sweep(at=AT + timedelta(days=3, minutes=1))
    assert states() == [state] * 2


def test_what_counts_as_sent_counts_from_the_moment_it_was_tried(doubtful):
    [message] = doubtful(1)
    operations.set_doubt_policy(channel="email", after_doubt="sent", doubt_days=0)
    operations.sweep(at=AT + timedelta(days=5))
    message.refresh_from_db()
    assert message.sent_at == message.attempted_at


def staff(role="marketer"):
    return at_door(Client(), add_staff(email=f"{role}@example.com", roles=[role]), "cms")


def test_the_page_lists_the_doubtful_by_cause_with_what_is_known(doubtful):
    doubtful(3)
    page = staff().get(reverse("delivery_doubts"))
    assert page.context["causes"] == [("campaign:1", "E-mail", 3)]
    assert "connection lost" in page.content.decode()


def test_without_doubts_the_page_says_so(db):
    assert "Nothing is in doubt" in staff().get(reverse("delivery_doubts")).content.decode()


def test_a_person_decides_the_ticked_ones_and_no_others(doubtful):
    first, second, third = doubtful(3)
    page = staff()
    page.post(reverse("delivery_doubts_decide"), {"message": [first.pk], "answer": "sent"})
    page.post(reverse("delivery_doubts_decide"), {"message": [second.pk], "answer": "again"})
    assert states() == ["sent", "pending", "in_doubt"]
    assert list(queries.in_doubt().values_list("pk", flat=True)) == [third.pk]


def test_a_whole_cause_is_decided_at_once_and_its_neighbour_is_not(doubtful, outbox, hop):
    operations.set_policy(channel="email", marketing_messages_max=9, cap_days=7)
    doubtful(2)
    outbox("campaign:2")
    hop.answers = {f"m{number}@example.com": ("unknown", "lost") for number in (1, 2)}
    operations.deliver_chunk(worker="w3", at=AT)
    staff().post(reverse("delivery_doubts_decide"), {"cause": "campaign:1", "is_all": "1", "answer": "sent"})
    assert queries.counts("campaign:1") == {"sent": 2}
    assert queries.counts("campaign:2") == {"in_doubt": 2}


def test_a_decision_on_nothing_says_so_and_changes_nothing(doubtful):
    doubtful(1)
    answer = staff().post(reverse("delivery_doubts_decide"), {"answer": "sent"}, follow=True)
    assert "Nothing was decided" in answer.content.decode()
    assert states() == ["in_doubt"]


def test_a_policy_is_set_on_the_page(db):
    staff().post(
        reverse("delivery_doubts_policy", args=["email"]), {"email-after_doubt": "sent", "email-doubt_days": 5}
    )
    policy = ChannelPolicy.objects.get(channel="email")
    assert (policy.after_doubt, policy.doubt_days) == ("sent", 5)
    refused = staff().post(
        reverse("delivery_doubts_policy", args=["email"]),
        {"email-after_doubt": "x", "email-doubt_days": 5},
        follow=True,
    )
    assert "was not saved" in refused.content.decode()
    assert ChannelPolicy.objects.get(channel="email").after_doubt == "sent"


def test_a_receipt_settles_a_doubt_before_anybody_decides(doubtful):
    [message] = doubtful(1)
    operations.record_event(message_id=message.pk, kind="delivered", at=now())
    assert states() == ["sent"]
