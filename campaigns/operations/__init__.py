"""Verbs of campaigns."""

from campaigns.operations.drafting import CannotEdit, clone, create, edit
from campaigns.operations.history import import_history
from campaigns.operations.launching import (
    Blocked,
    CannotLaunch,
    cancel,
    finish,
    launch,
    pause,
    plan,
    resume,
    schedule,
    unschedule,
)
from campaigns.operations.measuring import CannotMeasure, measure
from campaigns.operations.replying import send_replies, send_reply

__all__ = [
    "Blocked",
    "CannotEdit",
    "CannotLaunch",
    "CannotMeasure",
    "cancel",
    "clone",
    "create",
    "edit",
    "finish",
    "import_history",
    "launch",
    "measure",
    "pause",
    "plan",
    "resume",
    "schedule",
    "send_replies",
    "send_reply",
    "unschedule",
]
