"""The SMTP channel keeps every promise of a channel, against a server with the real protocol."""

from dataclasses import dataclass, field

import pytest

from delivery.channels import Outgoing
from demo.smtp_sink import HANG_UP, Sink
from emails.smtp import SmtpChannel
from tests.delivery.contract import ChannelContract


def number_of(received) -> int:
    return int(received.recipients[-1].partition("@")[0]) if received.recipients else 0


@dataclass
class SmtpStage:
    sink: Sink
    channel: SmtpChannel
    answers: dict = field(default_factory=dict)

    def __post_init__(self):
        self.sink.script = lambda stage, received: self.answers.pop((stage, number_of(received)), None)

    def outgoing(self, number):
        return Outgoing(f"m{number}", f"{number}@example.com", b"Subject: x\r\n\r\nx\r\n", "shop@example.com")

    def taken(self):
        return [number_of(received) for received in self.sink.messages]

    def refuse(self, number):
        self.answers["rcpt", number] = "550 no such user"

    def defer(self, number):
        self.answers["rcpt", number] = "450 later"

    def lose_before(self, number):
        self.answers["dot", number] = HANG_UP

    def lose_after(self, number):
        self.answers["recorded", number] = HANG_UP

    def go_away(self):
        self.sink.stop()


class TestSmtpChannel(ChannelContract):
    @pytest.fixture(params=[True, False], ids=["pipelining", "stop-and-wait"])
    def stage(self, request):
        with Sink(has_pipelining=request.param) as sink:
            channel = SmtpChannel(f"{sink.url}?timeout=60")
            yield SmtpStage(sink, channel)
            channel.close()
