"""Changes of who a member is and how they are doing."""

from functools import partial

from django.db import connection, transaction

from members import clock
from members.models import Identifier, Member, SearchToken
from members.operations.enrolment import write_search_tokens
from members.signals import lifecycle_stages_changed, members_changed


@transaction.atomic
def set_profile(*, member_id: int, given_name: str, family_name: str, language: str = "") -> Member:
    """Correct a member's name and language; the name's search tokens follow."""
    member = Member.objects.select_for_update().get(pk=member_id)
    member.given_name, member.family_name = given_name.strip(), family_name.strip()
    member.language = language or member.language
    member.save(update_fields=["given_name", "family_name", "language"])
    phone = Identifier.objects.filter(member=member, kind="phone", is_primary=True).first()
    SearchToken.objects.filter(member=member, kind=SearchToken.Kind.NAME).delete()
    write_search_tokens([(member.pk, member.given_name, member.family_name, phone.value if phone else "")])
    transaction.on_commit(partial(members_changed.send_robust, sender=Member, member_ids=[member.pk]))
    return member


def set_lifecycle_stages(stages: dict[int, str], *, at=None) -> int:
    """Store each member's life-cycle stage with its history, in one statement; returns how many changed.

    Tells `lifecycle_stages_changed`.
    """
    unknown = set(stages.values()) - set(Member.LifecycleStage.values)
    if unknown:
        raise ValueError(f"No such life-cycle stage: {', '.join(sorted(unknown))}.")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "WITH changed AS ("
            " UPDATE members_member m SET lifecycle_stage = wanted.stage"
            " FROM unnest(%s::bigint[], %s::text[]) AS wanted(id, stage)"
            " JOIN members_member before ON before.id = wanted.id"
            " WHERE m.id = wanted.id AND m.lifecycle_stage <> wanted.stage"
            " RETURNING m.id, before.lifecycle_stage AS before, m.lifecycle_stage AS after)"
            " INSERT INTO members_stagechange (member_id, before, after, at) SELECT id, before, after, %s FROM changed"
            " RETURNING member_id, before, after",
            [list(stages), list(stages.values()), at or clock.now()],
        )
        changes = cursor.fetchall()
        if changes:
            transaction.on_commit(partial(lifecycle_stages_changed.send_robust, sender=Member, changes=changes))
    return len(changes)
