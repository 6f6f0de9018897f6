"""One spelling for each identifier and name, so that equal ones meet. Refusals say what to do about it."""

import re
import unicodedata

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext as _

from members import cards

SUFFIX_LENGTHS = range(4, 11)
TOKENS_MAX = 12

_is_email = EmailValidator()
_LETTERS_THAT_DO_NOT_DECOMPOSE = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af\U00020000-\U0003134f"
_CJK_RUN = re.compile(f"[{_CJK}]+")
_WORD = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
_SEPARATORS = re.compile(r"[\s\-\u2010-\u2015.·/()]")


def email(text: str) -> str:
    """The address in lower case, its domain in ASCII. Two spellings of one mailbox differ in case only."""
    address = unicodedata.normalize("NFKC", text).strip().casefold()
    local, at, domain = address.rpartition("@")
    try:
        address = f"{local}{at}{domain.encode('idna').decode()}" if at else address
        _is_email(address)
    except (ValidationError, UnicodeError):
        raise ValueError(_("This is not an e-mail address. Write it like name@example.com.")) from None
    return address


def phone(text: str, *, country: str = "US") -> str:
    """The number in E.164, such as +12125550123. A number without + is read as one of `country`."""
    plain = unicodedata.normalize("NFKC", text).strip()
    remedy = _("This is not a phone number. Write all its digits, with + and the country code if it is from abroad.")
    try:
        number = phonenumbers.parse(plain, country)
    except phonenumbers.NumberParseException:
        raise ValueError(remedy) from None
    # "Possible", not "valid": the list of area codes in use ages faster than releases, and refuses real people.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise ValueError(remedy)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def card(text: str) -> str:
    """The thirteen digits of a card, whatever stands between them."""
    digits = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text))
    if not cards.is_card_number(digits):
        raise ValueError(
            _(
                "This is not a card of ours: one digit is wrong or missing. Scan it again, or type all 13 digits from 29 on."
            )
        )
    return digits


def external(text: str) -> str:
    """Another system's id, as it is but for blanks around it."""
    plain = text.strip()
    if not plain or len(plain) > 200 or not plain.isprintable():
        raise ValueError(_("An external id has 1 to 200 printable characters."))
    return plain


NORMALISERS = {"card": card, "phone": phone, "email": email, "external": external}


def digits(text: str) -> str:
    """The digits of what somebody typed if there is nothing else but the marks that phone numbers are written with."""
    plain = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).removeprefix("+")
    return plain if plain.isascii() and plain.isdigit() else ""


def phone_suffixes(e164: str) -> set[str]:
    """The last 4, 5 … 10 digits of a number."""
    plain = e164.removeprefix("+")
    return {plain[-length:] for length in SUFFIX_LENGTHS if len(plain) >= length}


def fold(text: str) -> str:
    """A name as it sounds: no case, no accents, no width. “Müller” and “ＭＵＬＬＥＲ” are one, “Straße” is “strasse”."""
    compatible = unicodedata.normalize("NFKC", text).casefold().translate(_LETTERS_THAT_DO_NOT_DECOMPOSE)
    decomposed = unicodedata.normalize("NFKD", compatible)
    # Only European accents go: a kana's voicing mark or a hangul's jamo is part of the letter.
    plain = "".join(letter for letter in decomposed if not "\u0300" <= letter <= "\u036f")
    return unicodedata.normalize("NFC", plain)


def name_tokens(text: str) -> list[str]:
    """The words of a name, folded, each once, in order; a run of Chinese, Japanese or Korean letters is one word."""
    apostrophes_gone = re.sub(r"['’ʼ`]", "", fold(text))
    return list(dict.fromkeys(_WORD.findall(apostrophes_gone)))[:TOKENS_MAX]


def name_index(given_name: str, family_name: str) -> set[str]:
    """Every word a member is found by: each part of the name, and for CJK names the whole and its pieces of two or more.

    王 小明 is found by 王小明, 小明 and 王; never by 小 alone, which half the town would answer to.
    """
    found = set(name_tokens(given_name)) | set(name_tokens(family_name))
    whole = "".join(name_tokens(family_name) + name_tokens(given_name))
    if _CJK_RUN.fullmatch(whole):
        whole = whole[:8]
        found |= {whole[start:end] for start in range(len(whole)) for end in range(start + 2, len(whole) + 1)}
    return found


def full_name(given_name: str, family_name: str) -> str:
    """The name as its bearer writes it: 王小明, Maria Jones."""
    if given_name and family_name and _CJK_RUN.fullmatch(given_name + family_name):
        return family_name + given_name
    return " ".join(part for part in (given_name, family_name) if part)
