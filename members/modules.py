"""The parts of the house that a site may do without, and which of them are switched off.

Every room and door may ask `is_on`; which addresses belong to a module is known at the top (config/modules.py). What has no
row is on. The answer is kept for a few seconds in each process, so that a till's request costs no query.
"""

import functools
import time
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

KEPT_S = 5.0
"""How long another process may still show what was switched off."""


@dataclass(frozen=True)
class Module:
    """One part that can be switched off. `help` says what goes with it, and what stays."""

    code: str
    label: str
    help: str
    group: str


MEMBERS, SERVICE, MARKETING, SHOP = _("For members"), _("Service"), _("Marketing"), _("Shop and staff")

MODULES: dict[str, Module] = {
    one.code: one
    for one in (
        Module("goals", _("Challenges and badges"), _("The page of goals and what the first page says of them. Rules go on counting."), MEMBERS),
        Module("referral", _("Bringing friends"), _("Codes by which members bring friends."), MEMBERS),
        Module("gift", _("Giving points away"), _("Gifts of points from member to member, also at the service desk."), MEMBERS),
        Module("household", _("Households"), _("Sharing points at home. Pools that exist keep their points."), MEMBERS),
        Module("membership", _("Paid memberships"), _("Plans that members pay for. Running ones go on until they end."), MEMBERS),
        Module("claims", _("Claiming receipts"), _("Members fetch missing points with the number of a receipt."), MEMBERS),
        Module("pages", _("Member pages"), _("Help and other pages that marketers write, and the answers they give by themselves."), MEMBERS),
        Module("cases", _("Cases"), _("Complaints and questions from every channel. Low survey scores are only written down."), SERVICE),
        Module("surveys", _("Surveys"), _("Questions to members. Nobody is invited any more."), SERVICE),
        Module("tasks", _("Tasks"), _("Lists of what staff have to do. Nothing new is put on them."), SERVICE),
        Module("opportunities", _("Opportunities"), _("The pipeline of sales with business customers and at the shelf."), SERVICE),
        Module("duplicates", _("Probable duplicates"), _("Comparing records every night. Merging by hand stays."), SERVICE),
        Module("journeys", _("Journeys"), _("Who is inside stays where they are, and goes on when it is switched on again."), MARKETING),
        Module("offers", _("Personal offers"), _("Pages and lists of what a member may want next. Offers that were given stay good."), MARKETING),
        Module("retention", _("Early warning"), _("Who is about to leave, what holds them, and interventions."), MARKETING),
        Module("push", _("Push messages"), _("Asking for leave to send them, and writing them."), MARKETING),
        Module("social", _("Social events"), _("Likes, comments and shares that other systems send are turned away."), MARKETING),
        Module("visits", _("Visits to the web shop"), _("The small script for web shops and what it sends."), MARKETING),
        Module("till", _("Till"), _("Our own till. Tills of others go on over the API."), SHOP),
        Module("partners", _("Partners"), _("Points that partners give and take."), SHOP),
        Module("gift_cards", _("Gift cards over the API"), _("Cards that exist keep their money and are taken at the till."), SHOP),
        Module("what_if", _("What-ifs"), _("Trying rules on the past before they are published."), SHOP),
        Module("notices", _("Notices by themselves"), _("Receipts by e-mail, and word of a new tier or of points about to expire. Codes and answers still go out."), MEMBERS),
        Module("digests", _("Digests by e-mail"), _("What each role should know, once a week or a day."), SHOP),
    )
}  # fmt: skip

_off: frozenset[str] = frozenset()
_good_until: float = 0.0


def switched_off() -> frozenset[str]:
    """The codes of the modules that are off, at most a few seconds old."""
    if time.monotonic() >= _good_until:
        from members.models import ModuleSwitch  # late: models are not there yet when this module is read

        remember(ModuleSwitch.objects.filter(is_on=False).values_list("code", flat=True))
    return _off


def remember(codes, *, for_s: float = KEPT_S) -> None:
    """Take these for the modules that are off, for a while."""
    global _off, _good_until
    _off, _good_until = frozenset(codes), time.monotonic() + for_s


def is_on(code: str) -> bool:
    """Whether a module is switched on. Raises KeyError for a module there is none of: a misspelt one would always be on."""
    return MODULES[code].code not in switched_off()


def only_with(code: str):
    """For the clockwork: what belongs to a module that is off does nothing, and answers None."""

    def decorate(chore):
        @functools.wraps(chore)
        def wound_up(*args, **kwargs):
            return chore(*args, **kwargs) if is_on(code) else None

        wound_up.module = code
        return wound_up

    return decorate


class Switches:
    """For templates: `{% if modules.surveys %}`. What is no module is never on (tests/config/test_modules.py looks for slips)."""

    def __getitem__(self, code: str) -> bool:
        return is_on(code)
