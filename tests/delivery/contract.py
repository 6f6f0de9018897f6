"""What every channel promises. A channel's test module subclasses `ChannelContract` and provides the `stage` fixture.

A stage is the channel's own next hop, played for real over a socket.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pytest

OUTCOMES = {"accepted", "refused", "deferred", "unknown"}


class Stage(Protocol):
    """A channel together with a real next hop that can be told how to behave."""

    channel: object

    def outgoing(self, number: int) -> object:
        """A message to recipient `number`, with the attributes of delivery.channels.Outgoing."""

    def taken(self) -> Sequence[int]:
        """The recipients whose messages the hop has taken, in order, one entry per copy."""

    def refuse(self, number: int) -> None: ...

    def defer(self, number: int) -> None: ...

    def lose_before(self, number: int) -> None:
        """The connection breaks when it is certain that the message was not taken."""

    def lose_after(self, number: int) -> None:
        """The message is taken, and the answer never comes."""

    def go_away(self) -> None:
        """Nobody listens any more."""


@dataclass(frozen=True)
class Told:
    outcomes: list[str]
    ids: list[str]


def send(stage, *numbers) -> Told:
    results = list(stage.channel.send([stage.outgoing(number) for number in numbers]))
    return Told([result.outcome for result in results], [result.message_id for result in results])


class ChannelContract:
    """Inherit, and provide a fixture `stage`."""

    @pytest.fixture
    def stage(self):
        raise NotImplementedError("the channel's test provides its stage")

    def test_it_names_itself_and_its_guarantee(self, stage):
        assert stage.channel.name
        assert stage.channel.guarantee in {"idempotent", "evidence", "at_most_once"}

    def test_accepted_means_that_the_hop_has_it_once(self, stage):
        assert send(stage, 1).outcomes == ["accepted"]
        assert list(stage.taken()) == [1]

    def test_results_come_in_the_order_of_the_batch_one_for_each(self, stage):
        numbers = list(range(1, 8))
        told = send(stage, *numbers)
        assert told.ids == [stage.outgoing(number).message_id for number in numbers]
        assert list(stage.taken()) == numbers

    def test_an_empty_batch_is_no_work(self, stage):
        assert send(stage).outcomes == []

    def test_a_refused_message_neither_stops_nor_repeats_the_others(self, stage):
        stage.refuse(2)
        assert send(stage, 1, 2, 3).outcomes == ["accepted", "refused", "accepted"]
        assert list(stage.taken()) == [1, 3]

    def test_a_deferred_message_neither_stops_nor_repeats_the_others(self, stage):
        stage.defer(2)
        assert send(stage, 1, 2, 3).outcomes == ["accepted", "deferred", "accepted"]
        assert list(stage.taken()) == [1, 3]

    def test_a_deferred_message_is_accepted_at_another_try(self, stage):
        stage.defer(1)
        assert send(stage, 1).outcomes == ["deferred"]
        assert send(stage, 1).outcomes == ["accepted"]
        assert list(stage.taken()) == [1]

    def test_lost_when_certainly_not_taken_is_never_called_accepted_or_refused(self, stage):
        stage.lose_before(2)
        told = send(stage, 1, 2, 3)
        assert told.outcomes[0] == told.outcomes[2] == "accepted"
        assert told.outcomes[1] in {"accepted", "deferred", "unknown"}
        copies = list(stage.taken()).count(2)
        assert copies == (1 if told.outcomes[1] == "accepted" else 0), (
            "a second try within the call counts if it is told truly"
        )

    def test_lost_after_it_was_taken_is_unknown_and_never_tried_again(self, stage):
        stage.lose_after(2)
        assert send(stage, 1, 2, 3).outcomes == ["accepted", "unknown", "accepted"]
        assert list(stage.taken()) == [1, 2, 3]

    def test_when_nobody_listens_everything_is_deferred(self, stage):
        stage.go_away()
        told = send(stage, 1, 2, 3)
        assert told.outcomes == ["deferred"] * 3
        assert told.ids == [stage.outgoing(number).message_id for number in (1, 2, 3)]

    def test_it_may_be_closed_and_used_again(self, stage):
        send(stage, 1)
        stage.channel.close()
        assert send(stage, 2).outcomes == ["accepted"]
        assert list(stage.taken()) == [1, 2]
