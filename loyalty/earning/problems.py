"""What is wrong with a rule set, or with what it is asked."""

from collections.abc import Sequence


class InvalidRuleSet(ValueError):
    """A rule set that cannot be published. `problems` says for each fault where it is and what to write instead."""

    def __init__(self, problems: Sequence[str]):
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class UnknownCurrency(ValueError):
    """No earning rate was published for this currency."""
