"""What steps do: each writes rows of our own database, for a whole group, inside the runner's transaction.

What leaves the house (messages, calls) is written here as something to be done and done by those whose work it is: delivery
asks consent, caps and quiet hours when a message is sent, and a skip is news a later step may follow.
"""

import json
import uuid
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.models import F, Value

from campaigns import enclosing, values
from campaigns.journeys.models import JourneyContent, PortalNote, StepRun, WebhookCall
from campaigns.journeys.running import Group
from campaigns.journeys.wholesale import among
from care import operations as care
from delivery import operations as delivery
from experiments import queries as experiments
from loyalty import operations as loyalty
from loyalty.models import Account, Reward, Transfer
from loyalty.operations.partners import Issue, issue_many
from members import modules
from members import operations as members
from recommender import operations as recommender
from recommender import queries as recommended

LEDGER_SOURCE = "journeys"
MARKETING = ("email", "push", "note", "points", "voucher")


def act(group: Group) -> None:
    """Do the step for those for whom it was not done before."""
    acts = {
        "email": _send, "push": _send, "note": _note, "points": _points, "voucher": _voucher, "tag": _tag, "field": _field,
        "task": _task, "webhook": _call,
    }  # fmt: skip
    if not group.rows or group.node.type not in acts:
        return
    if group.node.type in MARKETING:
        group = _without_control(group)
    if group.rows:
        acts[group.node.type](group)


def _without_control(group: Group) -> Group:
    """Members of the standing control group get no marketing, whatever journey they are on."""
    if not experiments.control_at(group.at):
        return group
    held = set(
        experiments.held_out_by_control(group.at).filter(member__in=group.member_ids).values_list("member", flat=True)
    )
    stopped = [row.id for row in group.rows if row.member_id in held]
    _say(group, stopped, "control")
    return group.but(stopped)


def _say(group: Group, ids: list[int], outcome: str) -> None:
    if ids:
        StepRun.objects.filter(enrolment__in=among(ids), step=group.node.id).update(outcome=outcome)


# -- messages ----------------------------------------------------------------------------------------------------------


def spoken(language: str) -> str:
    """The language of ours that a member reads."""
    ours = [code for code, _name in settings.LANGUAGES]
    return language if language in ours else ours[0]


def _send(group: Group) -> None:
    contents = {
        one.language: one for one in JourneyContent.objects.filter(version=group.plan.version, step=group.node.id)
    }
    for round_, several in group.by_round():
        cause = several.cause(round_)
        slots = _slots(group.step)
        if slots and any(content.needs_values for content in contents.values()):
            recommender.decide(cause=cause, members=several.members(), slots=slots, at=group.at)
            _entitle(several, cause)
        for language, content in contents.items():
            reading = several.only(row.id for row in several.rows if spoken(row.language) == language)
            if reading.rows:
                _enqueue(reading, cause, content)


def _slots(step: dict) -> dict[str, int]:
    return {slot: step[slot] for slot in ("buy_again", "new_for_you") if step.get(slot)}


def _entitle(group: Group, cause: str) -> None:
    """What a message offers is on the card before it is sent."""
    end = group.at + timedelta(days=group.step["offer_days"])
    given = recommended.decisions(cause).filter(member__in=group.member_ids)
    loyalty.entitle(
        loyalty.EntitlementIn(member_id, category_id, benefit, amount, group.at, end, f"{cause}:{category_id}")
        for member_id, category_id, benefit, amount in given.values_list(
            "member_id", "category_id", "benefit", "amount"
        )
    )


_TELL = """
UPDATE campaigns_steprun r SET "values" = said.told FROM unnest(%s::bigint[], %s::jsonb[]) AS said (id, told)
 WHERE r.enrolment_id = said.id AND r.step = %s
"""


def _enqueue(group: Group, cause: str, content: JourneyContent) -> None:
    needs = enclosing.needs_of_content(content.content)
    if content.needs_values or needs:
        enclosing.enclose(needs=needs, member_ids=group.member_ids, cause=cause, at=group.at)
        told = values.for_members(group.member_ids, cause=cause, language=content.language, at=group.at, needs=needs)
        with connection.cursor() as cursor:
            cursor.execute(_TELL, [group.ids, [json.dumps(told[row.member_id]) for row in group.rows], group.node.id])
    runs = StepRun.objects.filter(enrolment__in=among(group.ids), step=group.node.id)
    delivery.enqueue(
        messages=runs.annotate(member_id=F("enrolment__member_id"), content=Value(content.content)),
        cause=cause, channel=group.node.type, at=group.at,
    )  # fmt: skip


def _note(group: Group) -> None:
    until = group.at + timedelta(days=group.step["days"])
    PortalNote.objects.bulk_create(
        (
            PortalNote(
                member_id=row.member_id, cause=group.cause(row.round), title=_said(group.step, "title", row),
                text=_said(group.step, "text", row), url=group.step["url"], at=group.at, until=until,
            )
            for row in group.rows
        ),
        ignore_conflicts=True,
    )  # fmt: skip


def _said(step: dict, name: str, row) -> str:
    """The member's language of a text that is written in both; what is not written in Chinese is said in English."""
    chinese = spoken(row.language).startswith("zh")
    return (step.get(f"{name}_zh") if chinese else "") or step.get(f"{name}_en", "")


# -- gifts -------------------------------------------------------------------------------------------------------------


def _points(group: Group) -> None:
    rows = [
        Issue(f"{group.cause(row.round)}:{row.member_id}", row.member_id, group.step["points"], None, _said(group.step, "reason", row))
        for row in group.rows
    ]  # fmt: skip
    answers = issue_many(
        source=LEDGER_SOURCE, account=Account.GOODWILL, reason=Transfer.Reason.GOODWILL, rows=rows, at=group.at
    )
    refused = [row.id for row, answer in zip(group.rows, answers, strict=True) if isinstance(answer, Exception)]
    _say(group, refused, "refused")


def _voucher(group: Group) -> None:
    reward = Reward.objects.get(pk=group.step["reward"])
    end = group.at + timedelta(days=reward.voucher_days)
    currency = reward.currency if reward.kind in (Reward.Kind.AMOUNT, Reward.Kind.PERCENT) else ""
    needs_code = reward.kind not in (Reward.Kind.MULTIPLY, Reward.Kind.BONUS)
    loyalty.entitle(
        loyalty.EntitlementIn(
            row.member_id, reward.category_id, reward.kind, reward.amount or 1, group.at, end, group.cause(row.round),
            product_id=reward.product_id, currency=currency, max_minor=reward.max_minor,
            basket_minor_from=reward.basket_minor_from, needs_code=needs_code,
            is_partial=reward.is_partial and reward.kind == Reward.Kind.AMOUNT,
        )
        for row in group.rows
    )  # fmt: skip


# -- what is known of members, and what staff and machines hear ---------------------------------------------------------


def _tag(group: Group) -> None:
    if group.step["act"] == "remove":
        members.untag_members(code=group.step["tag"], members=group.members())
    else:
        members.tag_members(
            code=group.step["tag"], members=group.members(), source=group.plan.journey.cause, at=group.at
        )


def _field(group: Group) -> None:
    members.set_custom_field_of(members=group.members(), code=group.step["field"], value=group.step["value"])


def _task(group: Group) -> None:
    for row in group.rows if modules.is_on("tasks") else ():
        care.add_task(
            title=group.step["title"], cause=f"{group.cause(row.round)}:{row.member_id}", at=group.at, member_id=row.member_id,
            team=group.step["team"], due_at=group.at + timedelta(days=group.step["days"]),
        )  # fmt: skip


def _call(group: Group) -> None:
    runs = dict(
        StepRun.objects.filter(enrolment__in=among(group.ids), step=group.node.id).values_list("enrolment_id", "pk")
    )
    WebhookCall.objects.bulk_create(
        WebhookCall(
            run_id=runs[row.id], public_id=uuid.uuid4(), url=group.step["url"], due_at=group.at,
            body={
                "journey": group.plan.journey.pk, "step": group.node.id, "member": str(row.public_id),
                "entered_at": row.entered_at.isoformat(), "at": group.at.isoformat(),
            },
        )
        for row in group.rows
    )  # fmt: skip
