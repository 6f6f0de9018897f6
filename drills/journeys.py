"""Runners of journeys die while they work: is any step lost, is any effect there twice?

Thousands of members walk a journey of a message, a wait, points and a tag. Runners are forked one after another and killed with
SIGKILL after a random time, two at once; in between the clock jumps ahead and back. Afterwards every member has each effect
exactly once. A runner that is wrong on purpose (effects committed before their rows) must be caught by the same check.
"""

import os
import random
import signal
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from drills._database import database
from drills._killing import content

MEMBERS, KILLS, MUTANT_MEMBERS, MUTANT_KILLS = 30_000, 60, 1_500, 12
AT = datetime(2026, 3, 10, 16, tzinfo=UTC)
SEED = 20_260_310
BATCH = 50
GIFT = 5


def run(report):
    with database("regulars_drill_journeys") as name:
        chance = random.Random(SEED)
        _set_up()
        journey = _journey("Drill", MEMBERS)
        kills, ends = _through(journey, name, chance, kills=KILLS)
        twice, lost = _judge(journey, MEMBERS)
        report(
            "runners killed",
            kills,
            f">= {KILLS}",
            kills >= KILLS,
            f"{MEMBERS:,} members, 4 steps, {ends} came to their end",
        )
        report("steps or effects lost", lost, "0", lost == 0)
        report("steps or effects twice", twice, "0", twice == 0)
        mutant = _journey("Wrong on purpose", MUTANT_MEMBERS, step="s3")
        _through(mutant, name, chance, kills=MUTANT_KILLS, is_wrong=True)
        twice = sum(n - 1 for n in _given(mutant).values())
        report(
            "gifts twice by a runner that is wrong on purpose", twice, "> 0", twice > 0,
            "they are committed before the step's row: the check sees it",
        )  # fmt: skip


def _set_up():
    from loyalty.models import Currency
    from members.models import Member

    Currency.objects.get_or_create(code="points", defaults={"name": "Points"})
    Member.objects.bulk_create((Member(joined_at=AT) for _n in range(MEMBERS)), batch_size=2000)


def _journey(name: str, members: int, *, step: str = "s1"):
    from campaigns.journeys.models import Enrolment, Journey, JourneyContent, JourneyVersion
    from members.models import Member

    steps = [
        {"id": "s1", "type": "email", "template": "0", "buy_again": 0, "new_for_you": 0, "offer_days": 14},
        {"id": "s2", "type": "wait", "amount": 1, "unit": "hours"},
        {"id": "s3", "type": "points", "points": GIFT, "reason_en": "A gift", "reason_zh": ""},
        {"id": "s4", "type": "tag", "act": "add", "tag": "walked"},
    ]
    entry = {"kind": "event", "event": "joined", "which": "", "audience": ""}
    definition = {
        "entry": entry,
        "reentry": {"rule": "never"},
        "goal": None,
        "exit": None,
        "steps": steps,
        "last_id": 4,
    }
    journey = Journey.objects.create(name=name)
    version = JourneyVersion.objects.create(journey=journey, number=1, definition=definition, published_at=AT)
    words = content()
    for language, _name in settings.LANGUAGES:
        JourneyContent.objects.create(version=version, step="s1", language=language, content=words, needs_values=False)
    Journey.objects.filter(pk=journey.pk).update(version=version, status="live", live_from=AT)
    Enrolment.objects.bulk_create(
        (
            Enrolment(
                journey=journey, version=version, member_id=pk, round=1, cause="hand:1", step=step, due_at=AT,
                arrived_at=AT, entered_at=AT,
            )
            for pk in Member.objects.order_by("pk").values_list("pk", flat=True)[:members]
        ),
        batch_size=2000,
    )  # fmt: skip
    return journey


# -- runners that die ---------------------------------------------------------------------------------------------------


def _through(journey, name: str, chance, *, kills: int, is_wrong=False) -> tuple[int, int]:
    """Run until nobody is inside, killing runners while there are kills left; (killed, came to their end)."""
    from campaigns.journeys.models import Enrolment

    inside = Enrolment.objects.filter(journey=journey, state="active")
    killed = ended = 0
    clock = AT
    while inside.exists():
        if killed < kills:
            pair = [_fork(name, clock, is_wrong=is_wrong) for _n in range(2)]
            time.sleep(chance.uniform(0.05, 0.7))
            for pid in pair:
                os.kill(pid, signal.SIGKILL)
            deaths = [os.waitpid(pid, 0)[1] for pid in pair]
            killed += sum(os.WIFSIGNALED(status) for status in deaths)
            ended += sum(not os.WIFSIGNALED(status) for status in deaths)
        else:
            os.waitpid(_fork(name, clock, is_wrong=is_wrong), 0)
        # The clock jumps about: mostly on, sometimes hours back.
        clock = max(AT, clock + timedelta(minutes=chance.choice([5, 20, 90, -120])))
    return killed, ended


def _fork(name: str, at, *, is_wrong: bool) -> int:
    connection.close()
    pid = os.fork()
    if pid:
        return pid
    try:
        from campaigns.journeys import running

        connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = name
        if is_wrong:
            _break()
        running.run(at=at, limit=BATCH)
    except BaseException:  # noqa: BLE001 (a fork ends here, whatever happened)
        os._exit(1)
    os._exit(0)


def _break():
    """Wrong on purpose: gifts go out on a connection of their own before the step's rows are committed, each try anew."""
    import uuid

    import psycopg

    from campaigns.journeys import acting

    def outside(group):
        role = connection.settings_dict
        with psycopg.connect(
            host=role["HOST"],
            port=role["PORT"] or None,
            user=role["USER"],
            password=role["PASSWORD"] or None,
            dbname=role["NAME"],
        ) as db:
            for row in group.rows:
                db.execute(
                    "WITH t AS (INSERT INTO members_tag (code) VALUES (%s) RETURNING id)"
                    " INSERT INTO members_membertag (tag_id, member_id, source, at) SELECT t.id, %s, 'wrong', now() FROM t",
                    [f"x{uuid.uuid4().hex[:30]}", row.member_id],
                )

        time.sleep(0.05)  # so that a kill finds the moment between the two commits

    acting._points = outside  # noqa: SLF001


# -- the verdict --------------------------------------------------------------------------------------------------------


def _judge(journey, members: int) -> tuple[int, int]:
    """(effects or steps there twice, effects or steps missing) over all members of the journey."""
    from campaigns.journeys.models import StepRun
    from delivery.models import Message
    from members.knowing import MemberTag

    with transaction.atomic():
        sent = Counter(Message.objects.filter(cause__startswith=f"{journey.cause}:").values_list("member", flat=True))
        ran = Counter(StepRun.objects.filter(version__journey=journey).values_list("enrolment__member", flat=True))
        tagged = Counter(MemberTag.objects.filter(tag__code="walked").values_list("member", flat=True))
        given = _given(journey)
    told = [(sent, 1), (ran, 4), (given, 1), (tagged, 1)]
    twice = sum(max(0, n - wanted) for counted, wanted in told for n in counted.values())
    lost = sum(max(0, wanted * members - sum(min(n, wanted) for n in counted.values())) for counted, wanted in told)
    return twice, lost


def _given(journey) -> Counter:
    """Gifts by member: the ledger's own, and those of the wrong runner."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT w.member_id, count(*) FROM loyalty_transfer t JOIN loyalty_wallet w ON w.id = t.wallet_id"
            " WHERE t.client_key LIKE %s GROUP BY 1"
            " UNION ALL SELECT member_id, count(*) FROM members_membertag WHERE source = 'wrong' AND %s GROUP BY 1",
            [f"{journey.cause}:s3:%", journey.name != "Drill"],
        )
        return Counter(dict(cursor.fetchall()))
