"""The rival of `bench messages`: the same newsletter as Django's documentation has it, for the same members.

What was frozen as Liquid becomes templates of Django's own engine: the same text, values, loops and conditions, line for line.
"""

from html import unescape

from django.core.mail import EmailMultiAlternatives, get_connection
from django.template import Context, Engine, Library


class Newsletter:
    """A newsletter as Django's documentation has it, for the same members."""

    def __init__(self, frozen, members: list[int], *, port: int, values):
        from emails.fields import PERSONAL

        self.frozen, self.members, self.names = frozen, members, PERSONAL.intersection(frozen.fields)
        self._values = values  # (members, at) → values of each, as planning collects them
        self.subject, self.text, self.html = (_django_template(frozen, part) for part in ("subject", "text", "html"))
        self.backend = get_connection("django.core.mail.backends.smtp.EmailBackend", host="127.0.0.1", port=port)
        self.backend.open()

    def send(self, facts: dict, at, meter) -> tuple[float, float]:
        """Seconds: building and sending with the texts at hand; all of it."""
        mails, prepared = meter.of(lambda: self._texts(facts, at))
        sent, spent = meter.of(lambda: self.backend.send_messages([self._mail(*one) for one in mails]))
        if sent != len(self.members):
            raise RuntimeError(f"Django sent {sent} of {len(self.members)}")
        return spent, prepared + spent

    def _texts(self, facts: dict, at) -> list[tuple]:
        from members.queries import contacts

        told = self._values(self.members, at)
        people = contacts(self.members, kind="email", names=self.names)
        found = []
        for member_id in self.members:
            person, one = people[member_id], facts[member_id]
            values = told[member_id] | {"given_name": person.given_name, "family_name": person.family_name}
            context = Context(self.context(values, one))
            plain = Context(context.flatten(), autoescape=False)
            found.append((self.subject.render(plain).strip(), self.text.render(plain), self.html.render(context), one))
        return found

    def context(self, values: dict, facts) -> dict:
        """What the template names, as a view would hand it over."""
        from emails.fields import day

        return (
            values
            | self.frozen.constants
            | facts.addresses()
            | {"pixel_url": facts.pixel_url, "click_base": facts.click_base}
            | {"expiring_on": day(values.get("expiring_on", ""), self.frozen.language)}
        )

    @staticmethod
    def _mail(subject: str, text: str, html: str, facts) -> EmailMultiAlternatives:
        headers = {
            "Message-ID": facts.message_id.replace("@", ".rival@"),
            "List-Unsubscribe": f"<{facts.unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
        mail = EmailMultiAlternatives(subject, text, facts.from_, [facts.to], headers=headers)
        mail.attach_alternative(html, "text/html")
        return mail

    def shows_the_same(self, sample: tuple[dict, str]) -> bool:
        """Whether a page made by Django's engine reads as ours does; the two only spell a quotation mark differently."""
        context, ours = sample
        return unescape(self.html.render(Context(context))) == unescape(ours)


# -- from our template language to Django's ----------------------------------------------------------------------------


def _django_template(frozen, part: str):
    """The frozen Liquid of one part as a Django template: the same text, values, loops and conditions."""
    from emails.segments import program
    from emails.templating import ALL_FILTERS, parse

    library = Library()
    for name, function in ALL_FILTERS.items():
        library.filter(name, function)
    engine = Engine()
    engine.template_builtins.append(library)
    source = getattr(frozen, part)
    return engine.from_string(_in_django(program(parse(source, is_html=part == "html"), encoded=False)))


def _in_django(parts: list) -> str:
    return "".join(_piece_in_django(part) for part in parts)


def _piece_in_django(part) -> str:
    if isinstance(part, str):
        return part
    if "v" in part:
        return f"{{{{ {_value_in_django(part)} }}}}"
    if "for" in part:
        name, path, body, otherwise = part["for"]
        return f"{{% for {name} in {path[0]} %}}{_in_django(body)}{{% empty %}}{_in_django(otherwise)}{{% endfor %}}"
    branches, otherwise = part["if"]
    words = ["if", *["elif"] * (len(branches) - 1)]
    opened = "".join(
        f"{{% {word} {_test_in_django(test)} %}}{_in_django(body)}"
        for word, (test, body) in zip(words, branches, strict=True)
    )
    return f"{opened}{{% else %}}{_in_django(otherwise)}{{% endif %}}"


def _value_in_django(part: dict) -> str:
    filters = "".join("|" + ":".join([name, *map(_literal_in_django, given)]) for name, *given in part["f"])
    return _path_in_django(part["v"]) + filters


def _path_in_django(path: list[str]) -> str:
    counters = {"index": "counter", "index0": "counter0"}
    return ".".join([path[0], *(counters.get(step, step) if path[0] == "forloop" else step for step in path[1:])])


def _literal_in_django(value) -> str:
    if value in (["blank"], ["empty"]):
        return '""'
    return f'"{value}"' if isinstance(value, str) else str(value)


def _test_in_django(condition: list) -> str:
    operator, *operands = condition
    if operator == "not":
        return f"not {_test_in_django(operands[0])}"
    if operator in ("and", "or"):
        return f"{_test_in_django(operands[0])} {operator} {_test_in_django(operands[1])}"
    if operator == "is":
        return _path_in_django(operands[0])
    return f"{_path_in_django(operands[0])} {operator} {_literal_in_django(operands[1])}"
