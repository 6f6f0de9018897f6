"""From the outbox to the next hop: who gets it, who does not and why, and what is written down."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from delivery import operations, queries
from delivery.models import Message, MessageEvent, Suppression
from delivery.signals import message_evidence
from members.models import Member
from members.operations import give_consent
from members.signals import member_erased
from tests.delivery.conftest import AT

pytestmark = pytest.mark.django_db


def deliver(at=AT, worker="w1", **options):
    return operations.deliver_chunk(worker=worker, at=at, **options)


def test_a_message_goes_to_everybody_once_and_is_marked_sent(enrolled, outbox, hop):
    members = enrolled(3)
    outbox()
    done = deliver()
    assert (done.claimed, done.sent) == (3, 3)
    assert hop.copies == {"m1@example.com": 1, "m2@example.com": 1, "m3@example.com": 1}
    assert queries.counts("campaign:1") == {"sent": 3}
    first = next(message for message in hop.taken if message.recipient == "m1@example.com")
    assert b"Hello Ada 1" in first.content, "names are put in at the moment of sending"
    assert not Message.objects.filter(values__icontains=members[0].given_name).exists(), "and are never stored"
    assert deliver().claimed == 0


def test_enqueueing_twice_writes_once(enrolled, outbox, hop):
    enrolled(3)
    first = outbox()
    assert outbox() == first


def test_one_message_per_cause_recipient_and_channel(enrolled, outbox):
    enrolled(1)
    outbox("campaign:1")
    outbox("campaign:2")
    outbox("campaign:1", channel="push")
    assert Message.objects.count() == 3


def test_enqueueing_is_one_statement_however_many(enrolled, outbox, words, django_assert_num_queries):
    content = words()
    enrolled(1)
    with django_assert_num_queries(3):  # the statement, between its savepoint and its release
        operations.enqueue(
            messages=Member.objects.annotate(member_id=F("pk")), cause="a", channel="email", at=AT, content=content
        )


def test_a_message_is_due_no_sooner_than_said(enrolled, outbox, hop):
    enrolled(1)
    outbox(due_at=AT + timedelta(hours=1))
    assert deliver().claimed == 0
    assert deliver(at=AT + timedelta(hours=1)).sent == 1


def test_who_unsubscribed_between_planning_and_sending_gets_nothing(enrolled, outbox, hop):
    _stays, leaves = enrolled(2)
    outbox()
    give_consent(member=leaves, channel="email", is_granted=False, at=AT + timedelta(days=1), source="portal")
    deliver()
    assert hop.copies == {"m1@example.com": 1}
    assert queries.counts("campaign:1") == {"sent": 1, "skipped(no_consent)": 1}


def test_no_word_means_no(enrolled, outbox, hop):
    enrolled(1, consents=())
    outbox()
    deliver()
    assert queries.counts("campaign:1") == {"skipped(no_consent)": 1}
    assert not hop.taken


def test_consent_to_another_channel_is_no_consent(enrolled, outbox, hop):
    enrolled(1, consents=("push",))
    outbox()
    deliver()
    assert queries.counts("campaign:1") == {"skipped(no_consent)": 1}


@pytest.mark.parametrize("purpose", ["points", "surveys"])
def test_a_message_about_a_topic_needs_the_yes_to_that_topic_and_counts_towards_no_cap(enrolled, outbox, hop, purpose):
    _offers_only, topic_only = enrolled(1) + enrolled(1, consents=(), first=2)
    give_consent(member=topic_only, channel="email", purpose=purpose, is_granted=True, at=AT, source="portal")
    operations.set_policy(channel="email", marketing_messages_max=1, cap_days=7, quiet_from=None, quiet_until=None)
    for number in range(2):
        outbox(f"notice:{number}", purpose=purpose)
    outbox("news")
    deliver()
    for number in range(2):
        assert queries.counts(f"notice:{number}") == {"sent": 1, "skipped(no_consent)": 1}
    assert queries.counts("news") == {"sent": 1, "skipped(no_consent)": 1}
    assert hop.copies == {"m1@example.com": 1, "m2@example.com": 2}


def test_a_transactional_message_needs_no_consent_and_goes_first(enrolled, outbox, hop):
    enrolled(2, consents=())
    outbox("news", due_at=AT - timedelta(days=1))
    outbox("code", purpose="transactional")
    deliver(limit=2)
    assert queries.counts("code") == {"sent": 2}
    assert queries.counts("news") == {"pending": 2}


def test_an_inactive_member_gets_nothing(enrolled, outbox, hop):
    (member,) = enrolled(1)
    outbox()
    Member.objects.filter(pk=member.pk).update(status=Member.Status.MERGED)
    deliver()
    assert queries.counts("campaign:1") == {"skipped(not_active)": 1}


def test_a_member_without_an_address_is_skipped_and_says_so(enrolled, outbox, hop):
    (member,) = enrolled(1)
    outbox()
    member.identifiers.filter(kind="email").delete()
    deliver()
    assert queries.counts("campaign:1") == {"skipped(no_address)": 1}


def test_a_suppressed_address_gets_nothing(enrolled, outbox, hop):
    enrolled(2)
    outbox()
    operations.suppress(channel="email", address="m2@example.com", reason="manual", at=AT)
    deliver()
    assert queries.counts("campaign:1") == {"sent": 1, "skipped(suppressed)": 1}


def test_a_complaint_stops_offers_but_not_codes(enrolled, outbox, hop):
    enrolled(1)
    operations.suppress(channel="email", address="m1@example.com", reason="complaint", at=AT)
    outbox("news")
    outbox("notice", purpose="points")
    outbox("code", purpose="transactional")
    deliver()
    assert queries.counts("news") == queries.counts("notice") == {"skipped(suppressed)": 1}
    assert queries.counts("code") == {"sent": 1}


def test_the_frequency_cap_counts_what_was_sent_lately(enrolled, outbox, hop):
    enrolled(1)
    operations.set_policy(channel="email", marketing_messages_max=2, cap_days=7)
    for number in range(1, 4):
        outbox(f"campaign:{number}")
    deliver()
    assert [queries.counts(f"campaign:{n}") for n in (1, 2, 3)] == [
        {"sent": 1},
        {"sent": 1},
        {"skipped(frequency_cap)": 1},
    ]
    outbox("campaign:4")
    deliver(at=AT + timedelta(days=6))
    assert queries.counts("campaign:4") == {"skipped(frequency_cap)": 1}
    outbox("campaign:5")
    deliver(at=AT + timedelta(days=8))
    assert queries.counts("campaign:5") == {"sent": 1}


def test_a_code_is_sent_however_many_offers_came_before(enrolled, outbox, hop):
    enrolled(1)
    operations.set_policy(channel="email", marketing_messages_max=0, cap_days=7)
    outbox("code", purpose="transactional")
    assert deliver().sent == 1


def test_quiet_hours_move_the_message_to_their_end_in_the_members_zone(enrolled, outbox, hop):
    (east,) = enrolled(1, time_zone="America/New_York")
    (_west,) = enrolled(1, first=2, time_zone="America/Los_Angeles")
    operations.set_policy(
        channel="email", marketing_messages_max=9, cap_days=7, quiet_from=time(21), quiet_until=time(8)
    )
    night = datetime(2026, 3, 10, 2, 30, tzinfo=UTC)  # 22:30 in New York, 19:30 in Los Angeles
    outbox(at=night)
    done = deliver(at=night)
    assert (done.held, done.sent) == (1, 1)
    waiting = Message.objects.get(member=east)
    assert (waiting.state, waiting.due_at) == ("pending", datetime(2026, 3, 10, 12, 0, tzinfo=UTC))
    assert deliver(at=datetime(2026, 3, 10, 12, 0, tzinfo=UTC)).sent == 1
    assert hop.copies == {"m1@example.com": 1, "m2@example.com": 1}


def test_pause_acts_within_one_chunk_and_resume_goes_on_where_it_stood(enrolled, outbox, hop):
    enrolled(6)
    outbox("campaign:1")
    hop.before_each = lambda _: len(hop.taken) == 1 and operations.pause(cause="campaign:1", at=AT)
    deliver(chunk=2)
    assert queries.counts("campaign:1") == {"sent": 2, "pending": 4}
    assert deliver().claimed == 0
    operations.resume(cause="campaign:1")
    deliver()
    assert set(hop.copies.values()) == {1}
    assert queries.counts("campaign:1") == {"sent": 6}


def test_cancel_stops_for_good_and_says_so(enrolled, outbox, hop):
    enrolled(6)
    outbox("campaign:1")
    hop.before_each = lambda _: len(hop.taken) == 1 and operations.cancel(cause="campaign:1", at=AT)
    deliver(chunk=2)
    assert queries.counts("campaign:1") == {"sent": 2, "skipped(cancelled)": 4}
    assert operations.resume(cause="campaign:1") is False


def test_what_is_enqueued_after_a_cancellation_is_not_sent(enrolled, outbox, hop):
    enrolled(1)
    operations.cancel(cause="campaign:1", at=AT)
    outbox("campaign:1:2")
    deliver()
    assert queries.counts("campaign:1") == {"skipped(cancelled)": 1}


def test_holding_one_cause_leaves_its_namesakes_alone(enrolled, outbox, hop):
    enrolled(1)
    outbox("campaign:1:2")
    outbox("campaign:12")
    operations.pause(cause="campaign:1", at=AT)
    deliver()
    assert queries.counts("campaign:1") == {"pending": 1}
    assert queries.counts("campaign:12") == {"sent": 1}


def test_one_bad_address_neither_stops_nor_repeats_the_rest(enrolled, outbox, hop):
    enrolled(3)
    outbox()
    hop.answers["m2@example.com"] = ("refused", "550 5.1.1 No such user")
    deliver()
    for hour in range(1, 30):
        deliver(at=AT + timedelta(hours=hour))
    assert hop.copies == {"m1@example.com": 1, "m3@example.com": 1}
    assert queries.counts("campaign:1") == {"sent": 2, "failed": 1}
    assert queries.event_counts("campaign:1") == {"bounced": 1}


def test_a_hard_bounce_closes_the_address_and_a_refused_content_does_not(enrolled, outbox, hop):
    enrolled(2)
    outbox("campaign:1")
    hop.answers["m1@example.com"] = ("refused", "550 5.1.1 No such user")
    hop.answers["m2@example.com"] = ("refused", "554 5.7.1 Message rejected as spam")
    deliver()
    assert [one.reason for one in Suppression.objects.all()] == ["hard_bounce"]
    outbox("campaign:2")
    deliver()
    assert queries.counts("campaign:2") == {"skipped(suppressed)": 1, "failed": 1}


def test_what_cannot_be_rendered_fails_alone(enrolled, outbox, words, hop):
    enrolled(2)
    outbox("broken", content="push.FrozenPush:999999")
    outbox("fine")
    deliver()
    assert queries.counts("broken") == {"failed": 2}
    assert queries.counts("fine") == {"sent": 2}
    assert (
        Message.objects.filter(cause="broken").first().detail
        == "push.FrozenPush:999999 cannot be rendered: UnknownContent"
    )


def test_a_deferred_message_is_tried_again_later_and_ever_more_rarely(enrolled, outbox, hop):
    enrolled(1)
    outbox()
    hop.answers["m1@example.com"] = ("deferred", "451 4.7.1 Try later")
    at, tries = AT, []
    for _ in range(10):
        if not deliver(at=at).claimed:
            break
        message = Message.objects.get()
        tries.append(message.due_at - at)
        at = message.due_at
    minutes = [round(wait.total_seconds() / 60) for wait in tries]
    assert minutes[:6] == [1, 5, 15, 60, 240, 720]
    assert queries.counts("campaign:1") == {"failed": 1}
    assert Message.objects.get().detail == "given up after 7 tries: 451 4.7.1 Try later"


def test_when_the_hop_is_down_the_claim_goes_back_without_counting_as_tries(enrolled, outbox, hop):
    enrolled(6)
    outbox()
    for number in range(1, 7):
        hop.answers[f"m{number}@example.com"] = ("deferred", "connection refused")
    done = deliver(chunk=2)
    assert done.is_hop_down
    assert sorted(Message.objects.values_list("state", "attempts")) == [("pending", 0)] * 4 + [("pending", 1)] * 2


def test_an_answer_that_never_came_leaves_doubt_and_no_second_copy(enrolled, outbox, hop):
    enrolled(2)
    outbox()
    hop.answers["m1@example.com"] = ("unknown", "connection lost after the final dot")
    deliver()
    for hour in range(1, 30):
        operations.sweep(at=AT + timedelta(hours=hour))
        deliver(at=AT + timedelta(hours=hour))
    assert queries.counts("campaign:1") == {"sent": 1, "in_doubt": 1}
    assert [one.detail for one in queries.in_doubt()] == ["connection lost after the final dot"]


def test_a_channel_that_breaks_half_way_keeps_what_it_told_and_doubts_the_rest(enrolled, outbox, hop):
    enrolled(3)
    outbox()

    def breaks(one):
        if len(hop.taken) == 1:
            raise RuntimeError("a fault of the channel")

    hop.before_each = breaks
    deliver()
    assert queries.counts("campaign:1") == {"sent": 1, "in_doubt": 2}


def test_a_person_decides_a_doubt(enrolled, outbox, hop):
    enrolled(2)
    first, second = outbox()
    hop.answers = {f"m{n}@example.com": ("unknown", "") for n in (1, 2)}
    deliver()
    hop.answers.clear()
    operations.resolve_doubt(message_ids=[first.pk], was_sent=True, at=AT)
    operations.resolve_doubt(message_ids=[second.pk], was_sent=False, at=AT)
    deliver()
    assert hop.copies == {"m2@example.com": 1}
    assert queries.counts("campaign:1") == {"sent": 2}


def test_later_evidence_settles_a_doubt(enrolled, outbox, hop):
    enrolled(1)
    (message,) = outbox()
    hop.answers["m1@example.com"] = ("unknown", "")
    deliver()
    operations.record_event(message_id=message.pk, kind=MessageEvent.Kind.CLICKED, at=AT, link="0")
    assert queries.counts("campaign:1") == {"sent": 1}


def test_history_says_what_a_member_got_and_why_not(enrolled, outbox, hop, django_assert_num_queries):
    (member,) = enrolled(1)
    for number in range(1, 4):
        outbox(f"campaign:{number}")
    operations.suppress(channel="email", address="m1@example.com", reason="manual", at=AT)
    deliver()
    with django_assert_num_queries(3):
        history = queries.member_history(member.pk)
        assert [(one.cause, one.skip_reason, list(one.events.all())) for one in history] == [
            ("campaign:3", "suppressed", []), ("campaign:2", "suppressed", []), ("campaign:1", "suppressed", []),
        ]  # fmt: skip


def test_erasure_empties_the_message_and_stops_it(enrolled, outbox, hop):
    sent, waiting = enrolled(2)
    outbox("old", members=[sent])
    deliver()
    outbox("new")
    for member in (sent, waiting):
        member_erased.send(Member, member_id=member.pk)
    deliver()
    assert queries.counts("new") == {"skipped(erased)": 2}
    assert queries.counts("old") == {"sent": 1}
    assert list(Message.objects.values_list("values", flat=True).distinct()) == [{}]


def test_news_of_sending_is_told_after_commit(enrolled, outbox, hop, django_capture_on_commit_callbacks):
    enrolled(2)
    messages = outbox()
    heard = []
    listener = lambda message_ids, kind, **_: heard.append((sorted(message_ids), kind))  # noqa: E731
    message_evidence.connect(listener)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            deliver()
            assert heard == []
    finally:
        message_evidence.disconnect(listener)
    assert heard == [(sorted(one.pk for one in messages), "sent")]


def test_the_same_number_of_queries_for_one_and_for_three(enrolled, outbox, hop):
    asked = []
    for number, count in enumerate((1, 3)):
        enrolled(count, first=10 * number + 1)
        outbox(f"campaign:{number}", members=list(Member.objects.order_by("pk")[number:]))
        with CaptureQueriesContext(connection) as captured:
            assert deliver(worker=f"w{number}").sent == count
        asked.append(len(captured))
    assert asked[0] == asked[1]


def test_an_hour_old_unsent_row_is_found_by_the_sweeper(enrolled, outbox, hop):
    enrolled(2)
    _waiting, forgotten = outbox()
    Message.objects.filter(pk=forgotten.pk).update(
        state="claimed", claimed_by="gone", lease_until=timezone.now() - timedelta(hours=1)
    )
    swept = operations.sweep(at=AT + timedelta(hours=1), is_thorough=True)
    assert (swept.released, swept.doubted, swept.is_work_due) == (1, 0, True)
    assert deliver(at=AT + timedelta(hours=1)).sent == 2
    assert operations.sweep(at=AT + timedelta(hours=1)).is_work_due is False
    assert set(hop.copies.values()) == {1}


def test_staff_get_what_concerns_them_and_never_offers(db, words, hop):
    user = get_user_model().objects.create_user("ann", email="ann@shop.example", first_name="Ann")
    for cause, purpose in (("report", "transactional"), ("offer", "marketing")):
        operations.enqueue(
            messages=get_user_model().objects.filter(pk=user.pk).annotate(user_id=F("pk")),
            cause=cause, channel="email", at=AT, content=words(), purpose=purpose,
        )  # fmt: skip
    deliver()
    assert hop.copies == {"ann@shop.example": 1}
    assert b"Hello Ann" in hop.taken[0].content
    assert queries.counts("offer") == {"skipped(no_consent)": 1}


# -- one cap over all channels, and which message wins --------------------------------------------------------------------


def test_one_message_in_sixteen_hours_whichever_channel_the_last_one_took(enrolled, outbox, hop):
    enrolled(1)
    outbox("campaign:1", channel="push", due_at=AT)
    Message.objects.filter(cause="campaign:1").update(state="sent", sent_at=AT)
    outbox("campaign:2")
    deliver(at=AT + timedelta(hours=15))
    assert queries.counts("campaign:2") == {"skipped(frequency_cap)": 1}
    outbox("campaign:3")
    deliver(at=AT + timedelta(hours=17))
    assert queries.counts("campaign:3") == {"sent": 1}


def test_an_e_mail_and_a_push_of_one_campaign_are_one_contact(enrolled, outbox, hop):
    enrolled(1)
    outbox("campaign:1", channel="push")
    Message.objects.filter(channel="push").update(state="sent", sent_at=AT)
    outbox("campaign:1")
    assert deliver().sent == 1
    operations.set_policy(channel="email", marketing_messages_max=2, cap_days=7)
    outbox("campaign:2")
    assert deliver().sent == 1, "two messages, one contact: there is room for a second"
    outbox("campaign:3")
    assert deliver().sent == 0


def test_of_two_offers_for_one_member_the_more_important_wins_whichever_was_due_first(enrolled, outbox, hop):
    enrolled(1)
    outbox("ordinary", due_at=AT - timedelta(hours=1))
    outbox("important", priority=2, due_at=AT)
    deliver()
    assert queries.counts("important") == {"sent": 1}
    assert queries.counts("ordinary") == {"skipped(outranked)": 1}


def test_what_is_more_important_and_due_soon_is_not_spent_on_something_else(enrolled, outbox, hop):
    enrolled(1)
    outbox("important", priority=2, due_at=AT + timedelta(hours=3))
    outbox("ordinary")
    deliver()
    assert queries.counts("ordinary") == {"skipped(outranked)": 1}
    assert deliver(at=AT + timedelta(hours=3)).sent == 1


def test_what_is_paused_outranks_nobody(enrolled, outbox, hop):
    enrolled(1)
    outbox("important", priority=2, due_at=AT + timedelta(hours=3))
    operations.pause(cause="important", at=AT)
    outbox("ordinary")
    assert deliver().sent == 1


def test_codes_are_neither_capped_nor_counted(enrolled, outbox, hop):
    enrolled(1)
    outbox("news:1")
    deliver()
    outbox("code:1", purpose="transactional")
    assert deliver().sent == 1
    operations.set_policy(channel="email", marketing_messages_max=2, cap_days=7)
    outbox("news:2")
    assert deliver().sent == 1


def test_a_priority_is_for_marketing_only(enrolled, outbox):
    enrolled(1)
    with pytest.raises(ValueError, match="always go first"):
        outbox("code", purpose="transactional", priority=1)
    with pytest.raises(ValueError, match="most important"):
        outbox("news", priority=0)


def test_a_message_that_comes_too_late_is_not_sent_and_says_so(enrolled, outbox, hop):
    """A worker that was off for hours, or a restored snapshot, sends no yesterday's news."""
    enrolled(2)
    outbox("lunch", late_max=timedelta(hours=2))
    assert deliver(at=AT + timedelta(hours=2, minutes=1)).skipped == 2
    assert queries.counts("lunch") == {"skipped(too_late)": 2}
    outbox("dinner", late_max=timedelta(hours=2))
    assert deliver(at=AT + timedelta(hours=1, minutes=59)).sent == 2
