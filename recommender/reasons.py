"""Why a type is recommended, as a code with parameters in the database and as words for the reader.

Only what is true of the member's own purchases, or of many members', is ever said; types that are never offered are never
named either, because they are not in the matrix the reasons are drawn from.
"""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

BOUGHT_EVERY = "bought_every"  # {"days": 21}
BOUGHT_TIMES = "bought_times"  # {"times": 2}
GOES_WITH = "goes_with"  # {"category": 12}
POPULAR_HERE = "popular_here"  # {}
POPULAR = "popular"  # {}
MEMBERS_LIKE_YOU = "members_like_you"  # {}
NEW_IN_STORE = "new_in_store"  # {"product": 345}
TOGETHER = ("item_to_item", "ease", "following")  # sources of candidates that rest on a type the member bought


def words(code: str, params: dict, names: dict[int, str]) -> str:
    """The reason in the reader's language; `names` gives the name of each type a reason may mention, by id."""
    if code == BOUGHT_EVERY:
        return _rhythm(params["days"])
    if code == BOUGHT_TIMES:
        return ngettext("You bought it once", "You bought it %(times)s times", params["times"]) % params
    if code == GOES_WITH and params["category"] in names:
        return _("Goes with “%(name)s” that you bought") % {"name": names[params["category"]]}
    return {
        NEW_IN_STORE: _("New in our store"),
        POPULAR_HERE: _("Popular with members like you in your store"),
        POPULAR: _("Popular with our members"),
    }.get(code) or _("Members who buy what you buy like it")


def _rhythm(days: int) -> str:
    if days < 11:
        return ngettext("You buy it about every day", "You buy it about every %(days)s days", days) % {"days": days}
    weeks = round(days / 7)
    return ngettext("You buy it about every week", "You buy it about every %(weeks)s weeks", weeks) % {"weeks": weeks}


def mentioned(rows) -> set[int]:
    """Ids of the types that the reasons of these rows name."""
    return {row.reason_params["category"] for row in rows if row.reason_code == GOES_WITH}
