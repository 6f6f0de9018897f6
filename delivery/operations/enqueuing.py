"""Writing messages: as many as a QuerySet has rows, in one statement that may be repeated."""

from datetime import timedelta

from django.db import connection, models, transaction

from delivery.models import GOES_FIRST, MARKETING_PRIORITY, TRANSACTIONAL_PRIORITY

# A row that exists already is left as it is: the second run of the same plan writes nothing.
_ENQUEUE = """
INSERT INTO delivery_message (cause, channel, purpose, {recipient}, content, values, priority, due_at, expires_at,
                              enqueued_at, state, skip_reason, detail, transport, claimed_by, attempts)
SELECT {cause}, %s, %s, m.recipient, m.content, m.values::jsonb, %s, m.due_at, m.due_at + %s::interval, %s, 'pending', '', '', '', '', 0
  FROM ({chosen}) AS m (recipient, content, values, due_at{own_cause})
    ON CONFLICT DO NOTHING
"""


def enqueue(
    *, messages: models.QuerySet, cause: str = "", channel: str, at, due_at=None, content: str = "", purpose="marketing",
    priority: int | None = None, late_max: timedelta | None = None,
):  # fmt: skip
    """Write one pending message for every row of `messages`; answer how many were new.

    `messages` is a QuerySet with a column or annotation `member_id` (or annotated with `user_id`, for staff), and where they differ by
    row `content` ("emails.FrozenEmail:12"), `values` (JSON, no personal fields) and `due_at`; what it lacks comes from the
    arguments. Where each row is a cause of its own, it is annotated as `own_cause`. Safe to repeat: a recipient who has a
    message of this cause and channel gets no second one.

    `priority`: of marketing, 1 (most important) to 9; where a cap leaves room for one message, the more important wins.
    `late_max`: a message that could not be sent so long after it was due is skipped as too late; None: never.
    """
    goes_first = purpose in GOES_FIRST
    if priority is not None and (goes_first or not 1 <= priority <= 9):
        raise ValueError("A priority is for marketing, 1 (most important) to 9; codes and receipts always go first.")
    known = set(messages.query.annotations) | {field.attname for field in messages.model._meta.concrete_fields}
    is_for_staff = "user_id" in messages.query.annotations or "member_id" not in known
    recipient = "user_id" if is_for_staff else "member_id"
    defaults = {
        "content": models.Value(content, output_field=models.CharField()),
        "values": models.Value({}, output_field=models.JSONField()),
        "due_at": models.Value(due_at or at, output_field=models.DateTimeField()),
    }
    if "content" not in known and not content:
        raise ValueError("Say what is sent: annotate `content` on the QuerySet, or pass content=.")
    chosen = messages.order_by().annotate(**{name: value for name, value in defaults.items() if name not in known})
    if not cause and "own_cause" not in messages.query.annotations:
        raise ValueError("Say why it is sent: pass cause=, or annotate `own_cause` on the QuerySet.")
    own = ["own_cause"] if "own_cause" in messages.query.annotations else []
    chosen = chosen.values_list(recipient, "content", "values", "due_at", *own)
    chosen_sql, chosen_params = chosen.query.sql_with_params()
    rank = TRANSACTIONAL_PRIORITY if goes_first else priority or MARKETING_PRIORITY
    statement = _ENQUEUE.format(
        recipient=recipient,
        chosen=chosen_sql,
        cause="m.own_cause" if own else "%s",
        own_cause=", own_cause" if own else "",
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [*([] if own else [cause]), channel, purpose, rank, late_max, at, *chosen_params])
        return cursor.rowcount
