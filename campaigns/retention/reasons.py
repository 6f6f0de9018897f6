"""Why a member is warned of, in words. Plain rules: the figures come from finding.py, the words are the reader's."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

FEWER, RETURNS, FEELING = "fewer", "returns", "feeling"
REASONS = {
    FEWER: gettext_lazy("fewer purchases"), RETURNS: gettext_lazy("frequent returns"),
    FEELING: gettext_lazy("displeased and important"),
}  # fmt: skip
"""Their names, where one is chosen."""


def words(reasons: list[dict]) -> str:
    """All reasons of one warning as sentences, each naming the figures it rests on."""
    return " ".join(_WORDS[one["code"]](one) for one in reasons if one.get("code") in _WORDS)


def _fewer(one: dict) -> str:
    said = ngettext(
        "Bought on %(recent)d day in the last %(days)d days; %(usual).1f was usual.",
        "Bought on %(recent)d days in the last %(days)d days; %(usual).1f was usual.",
        one["recent"],
    )
    return said % one


def _returns(one: dict) -> str:
    said = ngettext(
        "Returned something %(returns)d time in the last %(days)d days, with purchases on %(recent)d.",
        "Returned something %(returns)d times in the last %(days)d days, with purchases on %(recent)d.",
        one["returns"],
    )
    return said % one


def _feeling(one: dict) -> str:
    return _("Spends much, and sounds displeased: %(feeling)d on the scale from −100 to 100.") % one


_WORDS = {FEWER: _fewer, RETURNS: _returns, FEELING: _feeling}
