"""Verbs of campaigns."""

from campaigns.operations.agreeing import approve, send_back, submit
from campaigns.operations.choosing import choose
from campaigns.operations.drafting import CannotEdit, Overtaken, clone, create, edit
from campaigns.operations.history import import_history
from campaigns.operations.holding import DROP, RESCHEDULE, SEND, cancel, past_due, pause, resume
from campaigns.operations.launching import finish, launch, schedule, unschedule
from campaigns.operations.measuring import CannotMeasure, measure
from campaigns.operations.planning import plan
from campaigns.operations.refusing import Blocked, CannotLaunch
from campaigns.operations.replying import send_replies, send_reply
from campaigns.operations.showing import show_in_archive, take_from_archive
from campaigns.operations.testing import NotSent, send_push_test, send_test

__all__ = [
    "DROP",
    "RESCHEDULE",
    "SEND",
    "Blocked",
    "CannotEdit",
    "CannotLaunch",
    "CannotMeasure",
    "NotSent",
    "Overtaken",
    "approve",
    "cancel",
    "choose",
    "clone",
    "create",
    "edit",
    "finish",
    "import_history",
    "launch",
    "measure",
    "past_due",
    "pause",
    "plan",
    "resume",
    "schedule",
    "send_back",
    "send_push_test",
    "send_replies",
    "send_reply",
    "send_test",
    "show_in_archive",
    "submit",
    "take_from_archive",
    "unschedule",
]  # fmt: skip
