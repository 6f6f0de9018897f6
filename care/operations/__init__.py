"""The verbs of care: cases, surveys, tasks, opportunities. Each is one transaction; the news follows its commit."""

from care.operations.cases import (
    CannotClose,
    Opened,
    UnknownTopic,
    answer_by_itself,
    assign,
    close,
    escalate_overdue,
    hear,
    note,
    open_case,
    reopen,
    reply,
)
from care.operations.feedback import say_what_could_be_better
from care.operations.feelings import read_feelings
from care.operations.opportunities import CannotMove, close_opportunity, move_opportunity, open_opportunity
from care.operations.privacy import forget_member
from care.operations.surveys import CannotAnswer, answer, ask_oneself, invite, invite_each
from care.operations.tasks import CannotFinish, add_task, finish_task

__all__ = [
    "CannotAnswer", "CannotClose", "CannotFinish", "CannotMove", "Opened", "UnknownTopic", "add_task", "answer",
    "answer_by_itself", "ask_oneself", "assign", "close", "close_opportunity", "escalate_overdue", "finish_task", "forget_member", "hear", "invite", "invite_each", "move_opportunity", "note", "open_case", "open_opportunity", "read_feelings", "reopen", "reply", "say_what_could_be_better",
]  # fmt: skip
