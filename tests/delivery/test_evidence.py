import pytest
from django.db.models import F

from delivery import channels, operations, queries
from delivery.channels import Result
from delivery.evidence import LogEvidence, LogUnreadable
from delivery.models import Message
from delivery.outbox import EVIDENCE_GRACE
from tests.delivery.conftest import AT, use_channel
from tests.delivery.recording import RecordingChannel


def doubt(count):
    """Leave every message in doubt, as a lost connection would, long enough ago for evidence to be final."""
    operations.deliver_chunk(worker="w", at=AT)
    let_the_grace_pass()
    assert Message.objects.filter(state="in_doubt").count() == count


def let_the_grace_pass():
    Message.objects.filter(state="in_doubt").update(lease_until=F("lease_until") - EVIDENCE_GRACE * 2)


@pytest.mark.django_db
def test_what_the_hop_took_is_sent_and_what_it_did_not_take_goes_out_again(enrolled, outbox, witnessed_hop):
    enrolled(3)
    outbox()
    witnessed_hop.answers = {f"m{n}@example.com": ("unknown", "lost") for n in (1, 2, 3)}
    witnessed_hop.before_each = lambda one: witnessed_hop.taken.append(one) if one.recipient.startswith("m2") else None
    doubt(3)
    witnessed_hop.answers.clear()
    witnessed_hop.before_each = lambda _: None
    assert operations.sweep(at=AT).settled == 3
    operations.deliver_chunk(worker="w", at=AT)
    assert witnessed_hop.copies == {"m1@example.com": 1, "m2@example.com": 1, "m3@example.com": 1}
    assert queries.counts("campaign:1") == {"sent": 3}


@pytest.mark.django_db
def test_evidence_is_not_asked_before_the_hop_had_time(enrolled, outbox, witnessed_hop):
    enrolled(1)
    outbox()
    witnessed_hop.answers["m1@example.com"] = ("unknown", "lost")
    operations.deliver_chunk(worker="w", at=AT)
    assert operations.sweep(at=AT).settled == 0
    assert queries.counts("campaign:1") == {"in_doubt": 1}


def test_the_log_is_read_with_and_without_brackets(tmp_path):
    log = tmp_path / "accepted.log"
    log.write_text("<a@shop.example>\nb@shop.example 2026-03-10 250\nc@shop.example.evil\n")
    assert LogEvidence(log).accepted(["a@shop.example", "b@shop.example", "c@shop.example"]) == {
        "a@shop.example",
        "b@shop.example",
    }


def test_a_log_that_cannot_be_read_is_no_evidence_of_absence(tmp_path):
    with pytest.raises(LogUnreadable, match="EMAIL_ACCEPTANCE_LOG"):
        LogEvidence(tmp_path / "none.log").accepted(["a"])


@pytest.mark.django_db
def test_an_unreadable_log_leaves_doubts_and_stops_nobody_else(enrolled, outbox, monkeypatch, caplog):
    hop = RecordingChannel()
    use_channel(monkeypatch, hop, evidence=LogEvidence("/nowhere/accepted.log"))
    enrolled(1)
    outbox()
    hop.answers["m1@example.com"] = ("unknown", "lost")
    doubt(1)
    outbox("campaign:2")
    swept = operations.sweep(at=AT)
    assert (swept.settled, swept.is_work_due) == (0, True)
    assert queries.counts("campaign:1") == {"in_doubt": 1}
    assert "EMAIL_ACCEPTANCE_LOG" in caplog.text


def test_a_channel_without_its_witness_promises_less():
    class Smtp:
        guarantee = "evidence"

    assert channels.Route(Smtp()).guarantee == "at_most_once"
    assert channels.Route(Smtp(), LogEvidence("x")).guarantee == "evidence"


class KeyedHop(RecordingChannel):
    """A provider that takes a key: the second message under one key is answered like the first, and nobody gets it."""

    def __init__(self):
        super().__init__("idempotent")
        self.offered = []

    def send(self, batch):
        for one in batch:
            self.before_each(one)
            self.offered.append(one.message_id)
            if self.offered.count(one.message_id) == 1:
                self.taken.append(one)
            outcome, detail = self.answers.pop(one.recipient, ("accepted", "200"))
            yield Result(one.message_id, outcome, detail)


@pytest.mark.django_db
def test_a_hop_that_takes_a_key_is_asked_again_under_the_same_key_and_nobody_gets_two(enrolled, outbox, monkeypatch):
    hop = KeyedHop()
    use_channel(monkeypatch, hop)
    enrolled(3)
    outbox()
    hop.answers = {"m2@example.com": ("unknown", "the answer never came")}
    assert operations.deliver_chunk(worker="w", at=AT).in_doubt == 1
    let_the_grace_pass()
    assert operations.sweep(at=AT).settled == 1
    assert operations.deliver_chunk(worker="w2", at=AT).sent == 1
    assert len(hop.offered) == 4
    assert hop.copies == {"m1@example.com": 1, "m2@example.com": 1, "m3@example.com": 1}
    assert queries.counts("campaign:1") == {"sent": 3}
