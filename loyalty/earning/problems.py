"""What is wrong with a rule set, or with what it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Problem(str):
    """One fault: `where` in the definition it is (“rules[0].when.hours”), and what to write instead.

    As a text it is English, for logs and shells; `words` says the remedy in a reader's language. Whatever stands in
    `said` may be a problem itself.
    """

    __slots__ = ("said", "template", "where")
    where: str
    template: str
    said: dict[str, Any]

    def __new__(cls, where: str, template: str, **said: Any) -> Self:
        text = template % said if said else template
        made = super().__new__(cls, f"{where}: {text}" if where else text)
        made.where, made.template, made.said = where, template, said
        return made

    def words(self, translate: Callable[[str], str]) -> str:
        """The remedy without its place, by a gettext of the reader's language."""
        said = {
            key: value.words(translate) if isinstance(value, Problem) else value for key, value in self.said.items()
        }
        return translate(self.template) % said if said else translate(self.template)


class InvalidRuleSet(ValueError):
    """A rule set that cannot be published. `problems` says for each fault where it is and what to write instead."""

    def __init__(self, problems: Sequence[Problem]):
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class UnknownCurrency(ValueError):
    """No earning rate was published for this currency."""
