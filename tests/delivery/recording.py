"""A channel that keeps what it is given, and answers as a test tells it."""

from collections import Counter

from delivery.channels import Result


class RecordingChannel:
    name = "email"

    def __init__(self, guarantee="at_most_once"):
        self.guarantee = guarantee
        self.taken = []  # Outgoing, in order
        self.answers = {}  # recipient → (outcome, detail)
        self.before_each = lambda _: None

    @property
    def copies(self) -> Counter:
        return Counter(str(one.recipient) for one in self.taken)

    def send(self, batch):
        for one in batch:
            self.before_each(one)
            outcome, detail = self.answers.get(one.recipient, ("accepted", "250 2.0.0 Ok"))
            if outcome == "accepted":
                self.taken.append(one)
            yield Result(one.message_id, outcome, detail)

    def accepted(self, message_ids):
        seen = {one.message_id for one in self.taken}
        return {one for one in message_ids if one in seen}

    def close(self):
        pass
