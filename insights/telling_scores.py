"""Why a member has a score, in the reader's words."""

from django.utils.translation import gettext as _

from insights.churn import FEWER, LONGER, ONCE, RETURNS


def words(code: str, params: dict) -> str:
    """The reason behind a score; empty for a score that needs none."""
    said = {
        "bought_again": _("Came back %(times)s times, last %(weeks)s weeks ago"),
        "own_rhythm": _("Usually every %(usual)s days, last %(days)s days ago"),
        FEWER: _("Came %(now)s times lately, %(before)s times before that"),
        LONGER: _("Last came %(days)s days ago, usually after %(usual)s"),
        RETURNS: _("Brought something back on %(percent)s %% of visits"),
        ONCE: _("Came once, %(days)s days ago"),
        "marked_down": _("%(percent)s %% of what they buy is marked down"),
        "own_brand": _("Takes their usual brand in %(percent)s %% of choices"),
        "meetings": _("Turned to us on %(percent)s %% of visits"),
    }.get(code)
    return said % params if said else ""
