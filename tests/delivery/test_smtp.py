"""SMTP held to the channels' contract, against a server that answers and hangs up as told."""

import pytest

from delivery.channels import Outgoing
from demo.smtp_sink import HANG_UP, Sink
from emails.smtp import SmtpChannel
from tests.delivery.contract import ChannelContract


class _Stage:
    def __init__(self):
        self.steps = {}  # (stage, recipient) → what to answer, once
        self.sink = Sink(script=self._script).start()
        self.channel = SmtpChannel(f"{self.sink.url}?timeout=60")

    def _script(self, stage, received):
        return self.steps.pop((stage, received.recipients[0]), None) if received.recipients else None

    def outgoing(self, number):
        content = f"Message-ID: <m{number}@shop.example>\r\nSubject: {number}\r\n\r\nHello\r\n.\r\n".encode()
        return Outgoing(f"m{number}@shop.example", f"r{number}@example.com", content, "shop@example.com")

    def taken(self):
        return [int(one.recipients[0].removeprefix("r").split("@")[0]) for one in self.sink.messages]

    def _on(self, number, stage, step):
        self.steps[(stage, f"r{number}@example.com")] = step

    def refuse(self, number):
        self._on(number, "rcpt", "550 5.1.1 No such user")

    def defer(self, number):
        self._on(number, "rcpt", "451 4.7.1 Try later")

    def lose_before(self, number):
        self._on(number, "data", HANG_UP)

    def lose_after(self, number):
        self._on(number, "recorded", HANG_UP)

    def go_away(self):
        self.channel.close()
        self.sink.stop()


class TestSmtpKeepsTheContract(ChannelContract):
    @pytest.fixture
    def stage(self):
        stage = _Stage()
        yield stage
        stage.channel.close()
        stage.sink.stop()
