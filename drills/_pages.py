"""The main pages of the doors that have no checks of their own yet, and a small market to show on them.

A door that gets checks (`tests/<door>/checks.py`) names its pages there and leaves this list.
"""

from dataclasses import dataclass

from members import operations
from members.roles import Role
from tests.flows import world

MAIN = {
    "desk": ["/desk/", "/desk/?q=ada"],
    "cms": [
        "/cms/audiences/", "/cms/campaigns/", "/cms/programme/", "/cms/programme/rules/", "/cms/programme/rewards/",
        "/cms/programme/vouchers/", "/cms/programme/tiers/", "/cms/programme/partners/", "/cms/programme/memberships/",
    ],
    "reports": ["/reports/", "/reports/campaigns/", "/reports/liability/", "/reports/rules/"],
}  # fmt: skip
ROLES = {"desk": Role.SERVICE, "cms": Role.MARKETER, "reports": Role.ANALYST}


@dataclass
class Scene:
    """A market, and somebody of each door."""

    market: world.World
    staff: dict[str, object]


def set_up() -> Scene:
    market = world.make(members_count=20)
    staff = {
        door: operations.add_staff(email=f"{door}@example.com", roles=[role], given_name=door.title())
        for door, role in ROLES.items()
    }
    return Scene(market, staff)
