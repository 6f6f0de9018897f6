"""A service desk in the middle of its week: people of every habit, cases in every state, a pipeline, warnings, a pair that is one person."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

import care.operations
import insights.operations
import loyalty.operations
from campaigns.models import Intervention
from campaigns.retention import operations as retention
from care.models import Case, Invitation, Stage, Survey, Team
from loyalty.models import Tender
from loyalty.operations import PurchaseIn, record_purchases
from members import operations
from members.models import CustomField, Member, VisitSite
from members.roles import Role
from sales.lines import Line
from sales.models import Purchase
from tests.flows import world

ROLES = {"desk": [Role.SERVICE], "cms": [Role.STORE_MANAGER, Role.MARKETER], "reports": [Role.ANALYST]}
STOPPED = range(66, 224, 7)
CASES = [
    ("The tea was cold, twice, and the cashier was rude about it.", "portal", 60),
    ("My points for Saturday are missing", "email", 30),
    ("The milk I bought yesterday is spoiled, I would like a refund", "phone", 20),
    ("The voucher code does not work at the till", "form", 9),
    ("我上周的积分没到，请帮我查一下。", "portal", 7),
    ("Please delete my account", "email", 5),
    ("Far too many e-mails, please stop sending them", "form", 3),
    ("How long do my points last?", "portal", 1),
]
DEALS = [
    ("Office coffee, monthly", 240_000),
    ("Flowers for the lobby", 86_000),
    ("Party platters", 45_000),
    ("Fruit baskets", 132_000),
]


@dataclass
class Scene:
    """A market, and somebody of each door."""

    market: world.World
    staff: dict[str, object]
    names: dict[str, str] = field(default_factory=dict)


def make() -> Scene:
    market = world.make(members_count=20)
    staff = {
        door: operations.add_staff(email=f"{door}@example.com", roles=roles, given_name=given, family_name="Okafor")
        for (door, roles), given in zip(ROLES.items(), ("Sam", "Rosa", "Lee"), strict=True)
    }
    scene = Scene(market, staff)
    staff["desk"].care_teams.add(*Team.objects.all())
    _life(scene)
    _cases(scene)
    _feedback(scene)
    _surveys(scene)
    _chores(scene)
    _household_and_merge(scene)
    _one_person_twice(scene)
    _leaving(scene)
    VisitSite.objects.create(name="Larkfield online", origins=["https://shop.example.com"])
    insights.operations.refresh_lifecycle(at=market.at)
    scene.names |= {
        "member": str(market.hero.public_id),
        "intervention": str(Intervention.objects.order_by("pk").first().pk),
    }
    return scene


def _life(scene):
    """What the first member's history is made of, besides purchases and points."""
    at, hero = scene.market.at, scene.market.hero
    CustomField.objects.create(
        code="diet", label_en="Diet", label_zh="饮食习惯", kind="choice", choices=["Vegetarian", "Vegan"]
    )
    operations.set_custom_fields(member_id=hero.pk, values={"diet": "Vegetarian"})
    operations.tag_members(code="early_access", members=Member.objects.filter(pk=hero.pk), source="scene", at=at)
    told = [
        ("call", "", "When do you open on Sunday?", 4), ("comment", "Autumn bouquet", "So lovely, thank you!", 3),
        ("page", "/flowers/autumn", "", 2), ("visit", "Store 292", "", 1),
    ]  # fmt: skip
    for number, (kind, subject, words, days) in enumerate(told):
        operations.note_touchpoint(
            kind=kind, at=at - timedelta(days=days), source="scene", client_key=f"t{number}", member_id=hero.pk,
            subject=subject, words=words,
        )  # fmt: skip


def _cases(scene):
    """One answered, one closed, one past its clock, the others as they came."""
    at, clerk, ids = scene.market.at, scene.staff["desk"], scene.market.member_ids
    made = [
        care.operations.open_case(
            text=text, channel=channel, at=at - timedelta(hours=hours), source="scene", client_key=f"case-{n}",
            member_id=ids[n % 6], store_code="292" if n % 2 else "",
        ).case
        for n, (text, channel, hours) in enumerate(CASES)
    ]  # fmt: skip
    care.operations.note(case=made[0], text="Regular since spring; I know her from the counter.", by_user=clerk, at=at)
    care.operations.reply(case=made[0], text="We are sorry. The next one is on us.", by_user=clerk, at=at)
    care.operations.close(case=made[3], outcome=Case.Outcome.SOLVED, by_user=clerk, at=at, text="A new code was given.")
    care.operations.read_feelings()
    care.operations.escalate_overdue(at=at)
    scene.names["case"] = str(made[0].public_id)


def _feedback(scene):
    """What staff and a member said of the house itself; one of them has an answer."""
    at, clerk, ids = scene.market.at, scene.staff["desk"], scene.market.member_ids
    said = care.operations.say_what_could_be_better(
        text="On the phone the list of cases is long: I would like to see mine first.", page="/desk/cases/", by_user=clerk, client_key="1",
        at=at - timedelta(days=2),
    )  # fmt: skip
    care.operations.reply(case=said.case, text="“My teams” comes first from Monday.", by_user=scene.staff["cms"], at=at)
    care.operations.say_what_could_be_better(
        text="Could a draft say who began it?", page="/cms/campaigns/7/", by_user=scene.staff["cms"], client_key="2", at=at - timedelta(hours=5)
    )  # fmt: skip
    care.operations.open_case(
        topic="feedback", text="The letters of the card are too small for me.", channel="portal", at=at - timedelta(hours=1), source="scene",
        client_key="feedback", member_id=ids[6],
    )  # fmt: skip


def _surveys(scene):
    """Twelve answers; the lowest opens a case. The first member has a question to answer."""
    at, ids = scene.market.at, scene.market.member_ids
    survey = Survey.objects.get(kind="csat")
    for n, member_id in enumerate(ids[3:15]):
        care.operations.invite(
            survey=survey, members=Member.objects.filter(pk=member_id), cause=f"scene:{n}", at=at - timedelta(days=1)
        )
        token = Invitation.objects.get(member=member_id).token
        care.operations.answer(
            token=token, score=(5, 4, 5, 3, 4, 1)[n % 6], at=at, comment="Quick and kind." if n == 0 else ""
        )
    care.operations.invite(survey=survey, members=Member.objects.filter(pk=ids[0]), cause="scene:hero", at=at)


def _chores(scene):
    at, clerk, ids = scene.market.at, scene.staff["desk"], scene.market.member_ids
    care.operations.add_task(
        title="Ring them back about the bouquet",
        cause="scene:1",
        at=at,
        member_id=ids[0],
        due_at=at + timedelta(hours=4),
    )
    late = care.operations.add_task(
        title="Check the price of oat milk", cause="scene:2", at=at - timedelta(days=3), due_at=at - timedelta(days=1)
    )
    done = care.operations.add_task(
        title="Send the new card", cause="scene:3", at=at - timedelta(days=2), member_id=ids[1]
    )
    care.operations.finish_task(task=done, outcome="Sent, and told by phone.", by_user=clerk, at=at)
    assert late.done_at is None
    stages = list(Stage.objects.order_by("place"))
    for n, (name, minor) in enumerate(DEALS):
        deal = care.operations.open_opportunity(
            name=name, member_id=ids[n + 1], value_minor=minor, currency="USD", owner=clerk, at=at - timedelta(days=9 * n + 3),
        )  # fmt: skip
        for stage in stages[1 : n + 1]:
            care.operations.move_opportunity(opportunity=deal, stage=stage, by_user=clerk, at=at - timedelta(days=n))


def _household_and_merge(scene):
    at, clerk, (hero, other, twin) = scene.market.at, scene.staff["desk"], scene.market.member_ids[:3]
    house = loyalty.operations.found_household(name="Alvarez", head_id=hero, percent=40, at=at)
    loyalty.operations.join_household(household=house, member_id=other, percent=20, by_member_id=hero, at=at)
    loyalty.operations.merge_members(
        survivor_id=hero, absorbed_id=twin, by_user_id=clerk.pk, reason="The same telephone", at=at
    )


def _one_person_twice(scene):
    said = {"at": scene.market.at, "source": "scene", "family_name": "Novak", "birth_month": 3, "birth_day": 9}
    operations.enrol(given_name="Maria", email="maria.novak@gmail.com", phone="+12125550123", **said)
    operations.enrol(given_name="Mraia", email="marianovak+shop@gmail.com", **said)
    operations.find_duplicates(at=scene.market.at)


def _leaving(scene):
    """Six who came weekly and stopped: two for the price, two for the service, two for a brand; each answered in its own way."""
    at = scene.market.at
    people = [
        operations.enrol(given_name=given, family_name="Reed", email=f"{given.lower()}.reed@example.com", at=at - timedelta(days=400), source="scene")
        for given in ("Petra", "Otto", "Nina", "Max", "Lena", "Kai")
    ]  # fmt: skip
    record_purchases([one for n, member in enumerate(people) for one in _weekly(member, at, 900 + 700 * n)])
    for member in people[:2]:
        _helped(member)
    for n, member in enumerate(people[2:4]):
        for call in range(3):
            operations.note_touchpoint(
                kind="call",
                at=at - timedelta(days=20 + call),
                source="scene",
                client_key=f"call-{n}-{call}",
                member_id=member.pk,
            )
    for name, driver, action, more in (
        ("Ten per cent on the next visit", "price", "offer", {"percent_off": 10}),
        ("A call by somebody they know", "service", "call", {"team": Team.objects.get(code="service")}),
        ("First look at new things", "brand", "access", {}),
    ):
        Intervention.objects.create(name=name, driver=driver, action=action, holdout_percent=20, **more)
    retention.watch(at=at)


def _weekly(member, at, minor: int) -> list[PurchaseIn]:
    return [
        PurchaseIn(
            source="scene", client_key=f"{member.pk}-{day}", member_id=member.pk, store_code="292", currency="USD",
            purchased_at=at - timedelta(days=day),
            lines=[Line("coffee" if day % 2 else "milk", Decimal(1), minor)],
        )
        for day in STOPPED
    ]  # fmt: skip


def _helped(member):
    """Most of their purchases were helped by a benefit."""
    receipts = Purchase.objects.filter(member=member).order_by("pk")
    Tender.objects.bulk_create(
        Tender(
            purchase=receipt, seq=1, kind="benefit", client_key=f"t{receipt.pk}", said_hash=b"0" * 16, minor=50, line_minor=[50]
        )
        for receipt in receipts[: receipts.count() * 2 // 3]
    )  # fmt: skip
