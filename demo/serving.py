"""The other rooms' year, so that no page of the demo is empty: a service desk in the middle of its week, scores, and a journey.

Everything here is invented and goes through the real operations; each act has a key of its own, so that telling it again changes nothing. Nobody
is written to: these cases came by telephone and at the till.
"""

from datetime import timedelta

from django.conf import settings
from django.db import transaction

from campaigns.journeys import entering
from campaigns.journeys import operations as journeys
from campaigns.journeys.models import Journey
from campaigns.models import Audience
from care import operations as care
from care.models import Case, Invitation, Stage, Survey, Team
from demo.people_of_demo import user_for
from demo.roles import BY_CODE
from insights import operations as insights
from loyalty import operations as loyalty
from members import operations as members
from members.models import Access, Member
from sales.models import Store

SOURCE = "demo-desk"
SAID = (
    "The cashier was short with me, twice this week.", "The oranges had gone bad on the second day.", "My points for Saturday are missing.",
    "I was charged twice for the detergent.", "Nobody answered at the counter for ten minutes.", "The coupon was refused at the till.",
)  # fmt: skip
DEALS = (
    ("Coffee for the office, monthly", 240_000),
    ("Flowers for the lobby", 86_000),
    ("Platters for a party", 45_000),
)
CASES, ANSWERS, HELPED = 36, 48, 4


def keep(*, at) -> dict[str, int]:
    """Everything, as of now; answers how many of each."""
    someone, people = user_for(BY_CODE["service"]), list(Member.objects.active().order_by("pk")[:200])
    someone.care_teams.set(Team.objects.all())
    told = {"cases": _cases(someone, people, at), "answers": _answers(people, at), "deals": _deals(someone, people, at)}
    _by_hand(someone, people, at)
    _at_the_till(people, at)
    _journey(at)
    insights.refresh_scores(at=at, currency=settings.CURRENCY)
    return told


def _cases(someone, people, at) -> int:
    stores = list(Store.objects.order_by("pk").values_list("code", flat=True)[:9])
    for n in range(CASES):
        opened_at = at - timedelta(days=2 * n + 1, hours=n % 9)
        caller = people[n % len(people)].pk if n % 3 else None
        case = care.open_case(
            text=SAID[n % len(SAID)], channel="phone" if n % 2 else "till", at=opened_at, source=SOURCE, client_key=f"case-{n}",
            member_id=caller, store_code=stores[n % len(stores)] if stores else "",
        ).case  # fmt: skip
        if n % 3 == 0 and case.first_replied_at is None:
            care.reply(
                case=case, text="We are looking into it.", by_user=someone, at=opened_at + timedelta(hours=1 + n)
            )
        if n % 4 and case.status != Case.Status.CLOSED:
            care.close(
                case=case, outcome=Case.Outcome.SOLVED, by_user=someone, at=opened_at + timedelta(days=1 + n % 3)
            )
    care.read_feelings()
    return CASES


def _answers(people, at) -> int:
    surveys = list(Survey.objects.filter(kind__in=["nps", "csat"]).order_by("pk"))
    made = 0
    for n, member in enumerate(people[:ANSWERS]):
        survey, asked_at = surveys[n % len(surveys)], at - timedelta(days=1 + n % 80)
        care.invite(survey=survey, members=Member.objects.filter(pk=member.pk), cause=f"{SOURCE}:{n}", at=asked_at)
        invitation = Invitation.objects.filter(cause=f"{SOURCE}:{n}", answer=None).first()
        if invitation:
            scores = (10, 9, 8, 9, 7, 10) if survey.kind == "nps" else (5, 4, 5, 3, 4, 5)
            care.answer(token=invitation.token, score=scores[n // 2 % 6], at=asked_at + timedelta(hours=2))
            made += 1
    return made


def _deals(someone, people, at) -> int:
    stages = list(Stage.objects.order_by("place"))
    for n, (name, minor) in enumerate(DEALS):
        if people[n].opportunities.filter(name=name).exists():
            continue
        deal = care.open_opportunity(
            name=name, member_id=people[n].pk, value_minor=minor, currency=settings.CURRENCY, owner=someone, at=at - timedelta(days=9 * n + 3)
        )  # fmt: skip
        for stage in stages[1 : n + 2]:
            care.move_opportunity(opportunity=deal, stage=stage, by_user=someone, at=at - timedelta(days=n))
    return len(DEALS)


def _by_hand(someone, people, at) -> None:
    """A few points out of goodwill, and tasks that are done."""
    for n, member in enumerate(people[:HELPED]):
        loyalty.adjust(
            member_id=member.pk, points=20 + 5 * n, reason="Waited at the counter", source=SOURCE, client_key=f"goodwill-{n}",
            by_user_id=someone.pk, at=at - timedelta(days=3 * n + 1),
        )  # fmt: skip
        task = care.add_task(
            title="Ring them back", cause=f"{SOURCE}:{n}", at=at - timedelta(days=5), member_id=member.pk
        )
        if task.done_at is None and n % 2:
            care.finish_task(task=task, outcome="Told by phone.", by_user=someone, at=at - timedelta(days=4))


def _at_the_till(people, at) -> None:
    """Whom a cashier enrolled: the board of the tills counts who of them came again."""
    cashier = user_for(BY_CODE["cashier"])
    if not Access.objects.filter(user=cashier).exists():
        for n, member in enumerate(people[:12]):
            for act in ("enrolled", "awarded") if n < 5 else ("awarded",):
                members.note_access(
                    user=cashier, member_id=member.pk, act=act, door="pos", at=at - timedelta(days=n + 1)
                )


@transaction.atomic
def _journey(at) -> None:
    """A journey that greets Chinese readers with a tag, and waits: its funnel has people at every step."""
    if Journey.objects.filter(name="A warm welcome", version__isnull=False).exists():
        return
    said = {"match": "all", "conditions": [{"type": "language", "languages": ["zh-hans"]}]}
    audience, _made = Audience.objects.get_or_create(name="Readers of Chinese", defaults={"conditions": said})
    steps = [
        {"id": "s1", "type": "tag", "act": "add", "tag": "greeted"},
        {"id": "s2", "type": "wait", "amount": 7, "unit": "days"},
        {"id": "s3", "type": "tag", "act": "add", "tag": "one_week_later"},
    ]
    entry = {"kind": "audience", "audience": str(audience.pk), "every": "minutes", "minutes": 30}
    journey = journeys.create(name="A warm welcome", definition={"entry": entry, "steps": steps, "last_id": 3})
    journeys.publish(journey=journey, at=at - timedelta(hours=1))
    entering.come(at=at)
