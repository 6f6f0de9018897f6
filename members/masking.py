"""What may be shown of a person to somebody who only has to recognise them."""

from members.normalise import full_name

DOT = "•"


def name(given_name: str, family_name: str) -> str:
    """The given name and the first letter of the family name: “Maria J.”, “王•明”."""
    whole = full_name(given_name, family_name)
    if whole and whole == family_name + given_name and given_name:
        return whole[0] + DOT * max(len(whole) - 2, 1) + (whole[-1] if len(whole) > 2 else "")
    if not given_name:
        return f"{family_name[:1]}." if family_name else ""
    return f"{given_name} {family_name[:1]}." if family_name else given_name


def email(address: str) -> str:
    """The first letter and the domain: m•••@example.com."""
    local, _at, domain = address.rpartition("@")
    return f"{local[:1]}{DOT * 3}@{domain}" if domain else ""


def phone(e164: str) -> str:
    """The last four digits, as a customer says them: ••• ••• 0123."""
    return f"{DOT * 3} {DOT * 3} {e164[-4:]}" if e164 else ""


def card(number: str) -> str:
    """The prefix and the last four digits: 29 •••• 1234."""
    return f"{number[:2]} {DOT * 4} {number[-4:]}" if number else ""


MASKS = {"email": email, "phone": phone, "card": card, "external": lambda value: f"{DOT * 3}{value[-2:]}"}


def identifier(kind: str, value: str) -> str:
    return MASKS[kind](value)
