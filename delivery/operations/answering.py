"""What goes out past the outbox: an answer somebody waits for, worthless when late, and never to be stored."""

import json
import logging

from delivery.channels import Outgoing, route, ways

logger = logging.getLogger(__name__)


def can_answer(channel: str) -> bool:
    """Whether this channel is set up."""
    return bool(ways(channel))


def send_now(*, channel: str, recipient: str, text: str, key: str) -> bool:
    """Hand a short text to a channel's main way at once; True when it was taken. `key` is the same at every try.

    Nothing of it is kept, neither the text nor the number. For sign-in codes and the like.
    """
    said = Outgoing(message_id=key, recipient=recipient, content=json.dumps({"body": text}).encode())
    for result in route(channel).channel.send([said]):
        if result.outcome != "accepted":
            logger.error("A message by %s was not taken: %s", channel, result.detail)
        return result.outcome == "accepted"
    return False
