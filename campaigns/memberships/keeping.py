"""Audiences whose members are kept: drawn anew in whole now and then, and at once for those whom something happened to.

News puts members on a list (`note`); a refresh takes them off and asks each kept audience about them alone, in one transaction,
so a lost or doubled refresh changes nothing. What the passing of time alone does, and what no news tells, is found by the next
whole drawing: see docs/decisions/0176-kept-audiences-follow-the-news.md
"""

from datetime import timedelta
from functools import partial

from django.db import connection, transaction
from django.db.models import Q

from campaigns import audiences, compiling
from campaigns.memberships.models import AudienceMember, MemberNews
from campaigns.memberships.signals import audience_changed
from campaigns.models import Audience

CHUNK = 5_000
"""Members asked about at once: enough to be set-based, few enough to be probed for by index."""
WHOLE_FROM = 50_000
"""So many waiting, and everything is drawn anew instead."""
REDRAWN_AFTER = timedelta(hours=1)

_NOTE = f"""
INSERT INTO {MemberNews._meta.db_table} (member_id)
SELECT DISTINCT heard.id FROM unnest(%s::bigint[]) AS heard (id)
 WHERE heard.id IS NOT NULL AND EXISTS (SELECT FROM campaigns_audience WHERE is_kept)
"""  # noqa: S608 - a table's name

# A purchase must cost its till nothing here: those of the last moments are read from the end of their table instead, again and
# again, which changes nothing. More at once than are read is an import, and then everything is drawn anew.
_NOTE_PURCHASES = f"""
INSERT INTO {MemberNews._meta.db_table} (member_id)
SELECT DISTINCT p.member_id FROM sales_purchase p
 WHERE p.id > (SELECT max(id) FROM sales_purchase) - {2 * WHOLE_FROM} AND p.recorded_at > clock_timestamp() - %s
   AND p.member_id IS NOT NULL AND EXISTS (SELECT FROM campaigns_audience WHERE is_kept)
"""  # noqa: S608

_NOTE_MESSAGES = f"""
INSERT INTO {MemberNews._meta.db_table} (member_id)
SELECT DISTINCT d.member_id FROM delivery_message d
 WHERE d.id = ANY(%s) AND d.member_id IS NOT NULL AND EXISTS (SELECT FROM campaigns_audience WHERE is_kept)
"""  # noqa: S608

# Points move for many reasons without news: what was posted in the last moments is found by its place in time.
_NOTE_POINTS = f"""
INSERT INTO {MemberNews._meta.db_table} (member_id)
SELECT DISTINCT w.member_id FROM loyalty_transfer t JOIN loyalty_wallet w ON w.id = t.wallet_id
 WHERE t.posted_at > clock_timestamp() - %s AND t.reason <> 'purchase' AND w.member_id IS NOT NULL
   AND EXISTS (SELECT FROM campaigns_audience WHERE is_kept)
"""  # noqa: S608
LOOKED_BACK = timedelta(seconds=15)

_TAKE = f"""
DELETE FROM {MemberNews._meta.db_table}
 WHERE id IN (SELECT id FROM {MemberNews._meta.db_table} ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING member_id
"""  # noqa: S608


# -- news --------------------------------------------------------------------------------------------------------------


def note(member_ids) -> None:
    """Something happened to these members. Costs one statement, and writes nothing while no audience is kept."""
    _execute(_NOTE, [list(member_ids)])


def note_latest() -> None:
    """Purchases and points of the last moments."""
    for latest in (_NOTE_PURCHASES, _NOTE_POINTS):
        _execute(latest, [LOOKED_BACK])


def note_messages(message_ids) -> None:
    _execute(_NOTE_MESSAGES, [list(message_ids)])


def _execute(sql, params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


# -- keeping -----------------------------------------------------------------------------------------------------------


def keep(*, audience: Audience, at) -> Audience:
    """Store the members of an audience from now on. Repeatable."""
    Audience.objects.filter(pk=audience.pk, kind=Audience.Kind.RULE).update(is_kept=True)
    draw(audience_id=audience.pk, at=at)
    audience.refresh_from_db()
    return audience


@transaction.atomic
def let_go(*, audience: Audience) -> Audience:
    """Store its members no longer."""
    Audience.objects.filter(pk=audience.pk).update(is_kept=False, kept_at=None)
    AudienceMember.objects.filter(audience=audience, audience__kind=Audience.Kind.RULE).delete()
    audience.refresh_from_db()
    return audience


@transaction.atomic
def draw(*, audience_id: int, at) -> tuple[int, int]:
    """Draw a kept audience in whole; how many entered and left. Only what changes is written. Raises Invalid."""
    audience = Audience.objects.select_for_update().filter(pk=audience_id, is_kept=True).first()
    if audience is None:
        return 0, 0
    with compiling.in_large():
        moved = _follow(audience, at, among=None)
    Audience.objects.filter(pk=audience_id).update(kept_at=at)
    return moved


# Sets are taken from each other whole (EXCEPT): a join written as NOT EXISTS may look the kept table through again for every member,
# while it grows under the insert, for as long as nothing is known of how many rows an audience has there.
_FOLLOW = f"""
WITH belongs AS MATERIALIZED ({{drawn}}),
     kept AS (SELECT k.member_id FROM {AudienceMember._meta.db_table} k WHERE k.audience_id = %(audience)s {{among}}),
     gone AS (
        DELETE FROM {AudienceMember._meta.db_table} k
         WHERE k.audience_id = %(audience)s AND k.member_id IN (SELECT member_id FROM kept EXCEPT SELECT id FROM belongs)
        RETURNING k.member_id),
     come AS (
        INSERT INTO {AudienceMember._meta.db_table} (audience_id, member_id, entered_at)
        SELECT %(audience)s, fresh.id, %(at)s FROM (SELECT id FROM belongs EXCEPT SELECT member_id FROM kept) AS fresh (id)
            ON CONFLICT DO NOTHING RETURNING member_id)
SELECT (SELECT array_agg(member_id) FROM come), (SELECT array_agg(member_id) FROM gone)
"""  # noqa: S608


def _follow(audience: Audience, at, *, among: list[int] | None) -> tuple[int, int]:
    """Make the stored members those who belong; of a few members alone, at their cost."""
    drawn, given = audiences.statement(audience.conditions, at=at, among=among)
    few = "" if among is None else "AND k.member_id = ANY(%(few)s)"
    with connection.cursor() as cursor:
        cursor.execute(
            _FOLLOW.format(drawn=drawn, among=few), given | {"audience": audience.pk, "at": at, "few": among}
        )
        entered, left = (found or [] for found in cursor.fetchone())
    if entered or left:
        tell = partial(
            audience_changed.send, sender=Audience, audience_id=audience.pk, entered=sorted(entered), left=sorted(left)
        )
        transaction.on_commit(tell)
    return len(entered), len(left)


# -- refreshing --------------------------------------------------------------------------------------------------------


def refresh(*, at) -> int:
    """Follow the news, chunk by chunk, and draw in whole what has not been for an hour; how many members were looked at.

    Safe to run at any time and by several at once: members are taken off the list in the transaction that follows them.
    """
    _draw_due(at)
    note_latest()
    if MemberNews.objects.count() >= WHOLE_FROM:
        return _draw_all(at)
    looked = 0
    while done := _refresh_some(at):
        looked += done
        if done < CHUNK:
            break
    return looked


@transaction.atomic
def _refresh_some(at) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [CHUNK])
        taken = [row[0] for row in cursor.fetchall()]
    members = sorted(set(taken))
    if members:
        # In one order, whoever refreshes: two of them never wait for each other in a circle.
        for audience in Audience.objects.filter(is_kept=True).order_by("pk").select_for_update():
            if not is_ranked(audience.conditions):
                _follow(audience, at, among=members)
    return len(taken)


def _draw_due(at):
    due = Q(kept_at__isnull=True) | Q(kept_at__lte=at - REDRAWN_AFTER) | Q(kept_at__gt=at)
    for pk in Audience.objects.filter(due, is_kept=True).order_by("pk").values_list("pk", flat=True):
        draw(audience_id=pk, at=at)


@transaction.atomic
def _draw_all(at) -> int:
    """News told before this moment is answered by drawing after it."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [None])
        taken = cursor.rowcount
    for pk in Audience.objects.filter(is_kept=True).order_by("pk").values_list("pk", flat=True):
        draw(audience_id=pk, at=at)
    return taken


def is_ranked(tree: dict) -> bool:
    """Whether belonging depends on everybody, as being among the nearest does: such an audience is only drawn in whole."""
    if any(leaf["type"] == "alike" for leaf in audiences.leaves(tree)):
        return True
    inner = Audience.objects.filter(pk__in=audiences.mentions(tree), kind=Audience.Kind.RULE)
    return any(is_ranked(conditions) for conditions in inner.values_list("conditions", flat=True))


# -- asking ------------------------------------------------------------------------------------------------------------


def members_of(audience: Audience):
    """Ids of the stored members of a kept audience or of a list, as a QuerySet."""
    return AudienceMember.objects.filter(audience=audience).values_list("member_id", flat=True)


def belongs(audience_id: int, member_id: int) -> bool:
    return AudienceMember.objects.filter(audience=audience_id, member=member_id).exists()


def audiences_of(member_id: int) -> list[int]:
    """The lists and kept audiences a member stands in."""
    return list(
        AudienceMember.objects.filter(member=member_id).order_by("audience").values_list("audience_id", flat=True)
    )
