"""Whether two records are probably one person. Plain rules: no Django, no clock, no database.

Points for and against, after Fellegi and Sunter (1969): what agrees counts the more the rarer it is that two people share it, what
differs counts against. What is not known counts nothing. A pair that reaches SURE is shown to a person, who decides.
"""

from dataclasses import dataclass
from itertools import product

from members.normalise import name_tokens

SURE = 9


@dataclass(frozen=True)
class Person:
    """What is compared. Addresses as they are stored: phones in E.164, e-mail in lower case."""

    given_name: str
    family_name: str
    birthday: tuple[int, int] | None = None  # month, day
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    country: str = ""


@dataclass(frozen=True)
class Likeness:
    """The points, and the codes of what spoke for the two being one: see REASONS."""

    points: int
    reasons: tuple[str, ...]

    @property
    def is_sure(self) -> bool:
        return self.points >= SURE


NAME = {"same_name": 4, "names_swapped": 4, "name_slip": 3, "short_name": 2}
REASONS = (*NAME, "same_birthday", "same_mailbox", "email_slip", "other_mail_host", "phone_slip")
_MAIL_ALIASES = {"googlemail.com": "gmail.com"}


def compare(a: Person, b: Person) -> Likeness:
    """How much speaks for two records being one person."""
    found = [_names(a, b), _birthdays(a, b), _emails(a, b), _phones(a, b)]
    points = sum(points for points, _reason in found) - (2 if a.country and b.country and a.country != b.country else 0)
    reasons = tuple(reason for _points, reason in found if reason)
    # A name alone, however equal, is shared by many; so is a birthday.
    return Likeness(points if len(reasons) > 1 else min(points, SURE - 1), reasons)


def _names(a: Person, b: Person) -> tuple[int, str]:
    mine, theirs = (tuple(" ".join(name_tokens(part)) for part in (p.given_name, p.family_name)) for p in (a, b))
    if not any(mine) or not any(theirs):
        return 0, ""
    if mine == theirs:
        return NAME["same_name"] - (0 if all(mine) else 2), "same_name"
    if mine == theirs[::-1]:
        return NAME["names_swapped"], "names_swapped"
    given, family = zip(mine, theirs, strict=True)
    if (given[0] == given[1] and is_slip(*family)) or (family[0] == family[1] and is_slip(*given)):
        return NAME["name_slip"], "name_slip"
    if family[0] == family[1] and _is_short(*given):
        return NAME["short_name"], "short_name"
    return -6, ""


def _is_short(a: str, b: str) -> bool:
    """Alex and Alexander, M and Maria; never two full names."""
    short, long = sorted((a, b), key=len)
    return bool(short) and long.startswith(short) and (len(short) == 1 or len(short) >= 3)


def _birthdays(a: Person, b: Person) -> tuple[int, str]:
    if a.birthday is None or b.birthday is None:
        return 0, ""
    return (5, "same_birthday") if a.birthday == b.birthday else (-6, "")


def _emails(a: Person, b: Person) -> tuple[int, str]:
    return max((_email(mine, theirs) for mine, theirs in product(a.emails, b.emails)), default=(0, ""))


def _email(mine: str, theirs: str) -> tuple[int, str]:
    (local, host), (other, other_host) = _mailbox(mine), _mailbox(theirs)
    if local == other:
        if host == other_host:
            return 7, "same_mailbox"
        return (6, "email_slip") if is_slip(host, other_host) else (5, "other_mail_host") if len(local) > 5 else (2, "")
    if host == other_host and len(local) > 5 and is_slip(local, other) and _digits(local) == _digits(other):
        return 5, "email_slip"
    return 0, ""


def _mailbox(address: str) -> tuple[str, str]:
    """Where a letter arrives: what stands after a plus is a note, and Gmail reads no dots."""
    local, _at, host = address.rpartition("@")
    local, host = local.partition("+")[0], _MAIL_ALIASES.get(host, host)
    return (local.replace(".", "") if host == "gmail.com" else local), host


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())


def _phones(a: Person, b: Person) -> tuple[int, str]:
    return max((_phone(mine, theirs) for mine, theirs in product(a.phones, b.phones)), default=(0, ""))


def _phone(mine: str, theirs: str) -> tuple[int, str]:
    return (5, "phone_slip") if is_slip(mine, theirs) or mine[-8:] == theirs[-8:] else (0, "")


def is_slip(a: str, b: str) -> bool:
    """Two spellings one slip of the finger apart: a letter more, less, another, or two that changed places. Short words: never."""
    if a == b or min(len(a), len(b)) < 4 or abs(len(a) - len(b)) > 1:
        return False
    start = next((place for place, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    rest, other = a[start:], b[start:]
    if len(a) != len(b):
        return rest[1:] == other or rest == other[1:]
    return rest[1:] == other[1:] or (rest[:2] == other[1::-1] and rest[2:] == other[2:])
