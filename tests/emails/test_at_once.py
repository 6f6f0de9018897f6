"""A code that somebody waits for: tried again while it is good, under one name, and not where it was refused for good."""

import smtplib

import pytest
from django.core.mail import EmailMessage

from emails import at_once


@pytest.fixture
def relay(monkeypatch):
    """Answers of a relay, one for each try: an exception, or None for a letter that it takes. Gives what was tried."""

    def answer(*answers):
        left, tried = list(answers), []

        def send(letter):
            tried.append(letter.message()["Message-ID"])
            if (said := left.pop(0)) is not None:
                raise said

        monkeypatch.setattr(EmailMessage, "send", send)
        return tried

    return answer


def code():
    return EmailMessage("123456 is your code", "123456", to=["ada@example.com"])


def test_a_code_is_tried_again_under_one_name_until_the_relay_takes_it(relay):
    later = smtplib.SMTPResponseException(451, b"try later")
    tried = relay(ConnectionRefusedError(), smtplib.SMTPServerDisconnected(), later, None)
    assert at_once.send(code(), what="A code", pauses_s=(0, 0, 0, 0))
    assert (len(tried), len(set(tried))) == (4, 1)


@pytest.mark.parametrize(
    "refusal",
    [
        smtplib.SMTPRecipientsRefused({"ada@example.com": (550, b"no such user")}),
        smtplib.SMTPDataError(554, b"not from you"),
    ],
)
def test_what_is_refused_for_good_is_not_tried_again_and_leaves_a_word_for_the_operator(relay, caplog, refusal):
    tried = relay(refusal, None)
    assert not at_once.send(code(), what="A code", pauses_s=(0, 0))
    assert len(tried) == 1
    assert "A code could not be sent to the relay" in caplog.text


def test_a_code_is_given_up_when_it_is_no_longer_good(relay):
    tried = relay(*[ConnectionRefusedError()] * 3)
    assert not at_once.send(code(), what="A code", pauses_s=(0, 0))
    assert len(tried) == 3
