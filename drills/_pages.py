"""The main pages of the doors that have no checks of their own yet, and a small market to show on them.

A door that gets checks (`tests/<door>/checks.py`) names its pages there and leaves this list.
"""

from dataclasses import dataclass

import care.operations
import loyalty.operations
from members import operations
from members.roles import Role
from tests.flows import world

MAIN = {
    "desk": [
        "/desk/", "/desk/?q=ada", "/desk/members/{member}/", "/desk/members/{member}/together/", "/desk/members/{member}/timeline/",
        "/desk/members/{member}/cases/", "/desk/cases/", "/desk/cases/{case}/", "/desk/tasks/", "/desk/pipeline/",
    ],
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
    names: dict[str, str]


def set_up() -> Scene:
    market = world.make(members_count=20)
    staff = {
        door: operations.add_staff(email=f"{door}@example.com", roles=[role], given_name=door.title())
        for door, role in ROLES.items()
    }
    return Scene(market, staff, {"member": str(market.hero.public_id), "case": str(_served(market, staff["desk"]))})


def _served(market: world.World, clerk):
    """A life at the desk: a case with its words, a task, a household, and a merge that can be undone. The case's public id."""
    at, (hero, other, twin) = market.at, market.member_ids[:3]
    case = care.operations.open_case(
        topic="complaint", text="The tea was cold, twice, and nobody at the counter would hear of it.", channel="portal", at=at,
        member_id=hero, source="scene", client_key="case",
    ).case  # fmt: skip
    care.operations.note(case=case, text="Regular since spring.", by_user=clerk, at=at)
    care.operations.reply(case=case, text="We are sorry. The next one is on us.", by_user=clerk, at=at)
    care.operations.add_task(title="Ring them back", cause="scene", at=at, member_id=hero)
    house = loyalty.operations.found_household(name="Alvarez", head_id=hero, percent=40, at=at)
    loyalty.operations.join_household(household=house, member_id=other, percent=20, by_member_id=hero, at=at)
    loyalty.operations.merge_members(
        survivor_id=hero, absorbed_id=twin, by_user_id=clerk.pk, reason="The same telephone", at=at
    )
    return case.public_id
