"""Triggered campaigns: who enters because something happened to them, and what becomes of each entry when it is due.

One statement enters everybody to whom it happened since the last look; the campaign's row is locked meanwhile, and every happening
is unique, so two beats enter nobody twice. An entry's own state, its message and the member's arm are written in one transaction.
"""

from datetime import timedelta
from functools import cache

from django.conf import settings
from django.db import connection

from campaigns import audiences, budgets, checks, eligibility, happenings, plans, timing
from campaigns.models import Campaign, Entry, FrozenContent, Recipient
from campaigns.operations.planning import HOLDOUT, experiment_of, freeze, most_slots, write_recipients
from campaigns.operations.refusing import Blocked, Status
from experiments import operations as experiments
from experiments import queries as assigned
from members.models import Member
from recommender import operations as recommender

AT_ONCE = 5_000
TOO_LATE, NOT_ANY_MORE, NOT_MEANT = "too_late", "not_any_more", "not_in_audience"

_ENTER = """
INSERT INTO campaigns_entry (campaign_id, member_id, visit, key, occurred_at, entered_at, due_at, state, skip_reason)
SELECT %(campaign)s, n.member_id, n.visits + 1, n.key, n.occurred_at, %(until)s,
       CASE WHEN %(clock)s::time IS NULL THEN n.earliest
            WHEN ((n.earliest AT TIME ZONE n.zone)::date + %(clock)s::time) AT TIME ZONE n.zone >= n.earliest
            THEN ((n.earliest AT TIME ZONE n.zone)::date + %(clock)s::time) AT TIME ZONE n.zone
            ELSE ((n.earliest AT TIME ZONE n.zone)::date + 1 + %(clock)s::time) AT TIME ZONE n.zone END,
       'waiting', ''
  FROM (SELECT DISTINCT ON (h.member_id) h.member_id, h.key, h.occurred_at, h.occurred_at + %(delay)s AS earliest,
               coalesce(before.visits, 0) AS visits,
               CASE WHEN %(is_local)s AND m.time_zone = ANY(%(zones)s) THEN m.time_zone ELSE %(zone)s END AS zone
          FROM ({asked}) AS h (member_id, key, occurred_at)
          JOIN members_member m ON m.id = h.member_id AND m.status = 'active'
          LEFT JOIN LATERAL (SELECT max(e.visit) AS visits, max(e.occurred_at) AS last_at, bool_or(e.key = h.key) AS is_known
                               FROM campaigns_entry e WHERE e.campaign_id = %(campaign)s AND e.member_id = h.member_id) AS before ON true
         WHERE h.occurred_at >= %(since)s AND NOT coalesce(before.is_known, false)
           AND (before.visits IS NULL OR %(reentry)s = 'always'
                OR %(reentry)s = 'days' AND h.occurred_at >= before.last_at + %(apart)s)
         ORDER BY h.member_id, h.occurred_at, h.key) AS n
    ON CONFLICT DO NOTHING
"""


def start(campaign, *, at) -> Campaign:
    """From now on: the words are fixed, chance is drawn, and what happened before lets nobody in."""
    if problems := checks.blocking(campaign, at=at):
        raise Blocked(problems)
    variants = list(campaign.variants.all())
    campaign.experiment = experiment_of(campaign, variants)
    campaign.trigger_settings = happenings.clean(campaign.trigger, campaign.trigger_settings)
    campaign.audience_snapshot = audiences.clean(campaign.audience.conditions)
    campaign.planned_at = campaign.launched_at = campaign.heard_until = at
    campaign.status = Status.LIVE
    campaign.save()
    for variant in variants:
        for language, _name in settings.LANGUAGES:
            freeze(variant, language)
    plans.make(experiment=campaign.experiment, starts_at=at, at=at)
    return campaign


def enter(campaign, *, at) -> int:
    """Let in everybody to whom it happened since the last look, by the re-entry rule; answers how many. The caller holds the lock."""
    asked = happenings.happened(campaign.trigger, campaign.trigger_settings, after=campaign.heard_until, until=at)
    entered = 0
    if asked:
        statement, given = asked
        with connection.cursor() as cursor:
            cursor.execute(_ENTER.format(asked=statement), given | _given(campaign, at))
            entered = cursor.rowcount
    campaign.heard_until = at
    campaign.save(update_fields=["heard_until"])
    return entered


def _given(campaign, at) -> dict:
    return {
        "campaign": campaign.pk, "until": at, "since": campaign.launched_at, "clock": campaign.local_time,
        "delay": timedelta(minutes=campaign.delay_minutes), "is_local": campaign.is_local, "zones": list(_zones()),
        "zone": campaign.time_zone if campaign.time_zone in _zones() else settings.TIME_ZONE,
        "reentry": campaign.reentry, "apart": timedelta(days=campaign.reentry_days),
    }  # fmt: skip


@cache
def _zones() -> frozenset[str]:
    """The time zones that the database knows: a name it does not know would stop the whole statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_timezone_names")
        return frozenset(name for (name,) in cursor.fetchall())


def handle(campaign, *, at) -> int:
    """Decide about the entries that are due, some thousands at once; answers how many. The caller holds the lock."""
    due = Entry.objects.filter(campaign=campaign, state=Entry.State.WAITING, due_at__lte=at)
    ids = list(due.order_by("due_at", "pk").values_list("pk", flat=True)[:AT_ONCE])
    if not ids:
        return 0
    mine = Entry.objects.filter(pk__in=ids)
    variants = list(campaign.variants.select_related("email_template", "push_template"))
    _skip(campaign, mine, variants, at)
    left = mine.filter(state=Entry.State.WAITING)
    new = Member.objects.filter(pk__in=left.values("member"))
    experiments.assign(experiment=campaign.experiment, members=new, at=at)
    plans.note_baselines(experiment=campaign.experiment, starts_at=campaign.launched_at, at=at)
    held = assigned.arm_members(campaign.experiment).filter(arm__name=HOLDOUT).values("member")
    left.filter(member__in=held).update(state=Entry.State.HELD_OUT, handled_at=at)
    _within_budget(campaign, left, variants, at)
    for visit in sorted(set(left.values_list("visit", flat=True))):
        _send(campaign, left.filter(visit=visit), variants, visit, at)
    left.update(state=Entry.State.QUEUED, handled_at=at)
    return len(ids)


def _skip(campaign, mine, variants, at):
    """Write why, the first reason that fits: too late, no longer so, not meant, held by the control group, not reachable."""
    late = at - timedelta(hours=campaign.late_hours_max)
    _skipped(mine.filter(due_at__lt=late), TOO_LATE, at)
    if still := happenings.HAPPENINGS[campaign.trigger].still:
        with connection.cursor() as cursor:
            waiting = list(mine.filter(state=Entry.State.WAITING).values_list("pk", flat=True))
            cursor.execute(
                f"SELECT e.id FROM campaigns_entry e WHERE e.id = ANY(%(ids)s) AND NOT ({still})",  # noqa: S608 - our own text
                {"ids": waiting, "at": at},
            )
            _skipped(Entry.objects.filter(pk__in=[pk for (pk,) in cursor.fetchall()]), NOT_ANY_MORE, at)
    meant = audiences.compile(campaign.audience_snapshot, at=at).order_by().values("pk")
    _skipped(mine.exclude(member__in=meant), NOT_MEANT, at)
    experiments.keep_control(at=at)
    everybody = Member.objects.active()
    reasons = eligibility.held_by_control(everybody, at=at) | eligibility.skipped(variants, everybody, at=at)
    for reason, members in reasons.items():
        _skipped(mine.filter(member__in=members.order_by().values("pk")), reason, at)


def _skipped(entries, reason, at):
    entries.filter(state=Entry.State.WAITING).update(state=Entry.State.SKIPPED, skip_reason=reason, handled_at=at)


def _within_budget(campaign, left, variants, at):
    from campaigns.operations.launching import commit_cost  # late: launching starts triggered campaigns

    afford = budgets.affordable(campaign, variants)
    if afford is not None:
        ids = list(left.order_by("due_at", "pk").values_list("pk", flat=True))
        _skipped(Entry.objects.filter(pk__in=ids[afford:]), budgets.OVER_BUDGET, at)
    commit_cost(campaign, left.count())
    campaign.refresh_from_db(fields=["committed_minor"])


def end(campaign, *, at):
    """After its last day a triggered campaign listens no more; its outcome is read once the window of the last entries is over."""
    today = at.astimezone(timing.zone(campaign.time_zone, otherwise=settings.TIME_ZONE)).date()
    if campaign.ends_on is None or today <= campaign.ends_on:
        return
    if campaign.entries.filter(state=Entry.State.WAITING).exists():
        return
    campaign.status, campaign.outcome_ends_at = Status.SENT, at + timedelta(days=campaign.outcome_days)
    campaign.save()


def cause_of(campaign, visit: int) -> str:
    """The name of a member's n-th time in other rooms; the first time it is the campaign's own."""
    return campaign.cause if visit == 1 else f"{campaign.cause}:{visit}"


def _send(campaign, entries, variants, visit, at):
    from campaigns.operations.launching import enqueue, entitle

    cause, members = cause_of(campaign, visit), list(entries.values_list("member_id", flat=True))
    if slots := most_slots(campaign, variants):
        recommender.decide(cause=cause, members=Member.objects.filter(pk__in=members), slots=slots, at=at)
    for variant in variants:
        rows = assigned.arm_members(campaign.experiment).filter(arm__name=variant.name, member__in=members)
        write_recipients(campaign, variant, rows, at=at, visit=visit, cause=cause)
    mine = Recipient.objects.filter(campaign=campaign, visit=visit, member__in=members)
    if slots:
        entitle(campaign, mine, cause=cause, begin=at, end=at + timedelta(days=campaign.outcome_days))
    for frozen in FrozenContent.objects.filter(variant__campaign=campaign).select_related("variant"):
        enqueue(campaign, frozen, mine, cause=cause, at=at)
