"""What is asked of early warning: what a member stays for, and whether they are about to leave."""

import json

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.conditions.asking import DID, Condition, Field, Rows, labels, name_of, tell_choice, tell_day
from campaigns.retention.models import Driver
from campaigns.retention.reasons import REASONS


def _drivers():
    return Driver.choices


def _why():
    return list(REASONS.items())


def _driver(at, drivers):
    """Who was never looked at, having bought too little, stays for nothing that could be named, and is in no answer."""
    source = "campaigns_memberdriver WHERE driver = ANY(%(drivers)s)"
    return Rows(source, {"drivers": drivers}, found="driver", is_single=True)


def _driver_words(drivers):
    return _("Stays for: %(drivers)s") % {"drivers": labels(_drivers(), drivers)}


def _warned(at, op, reason):
    source = "campaigns_earlywarning w WHERE w.noticed_at <= %(at)s AND (w.ended_at IS NULL OR w.ended_at > %(at)s)"
    given = {"at": at}
    if reason:
        source = f"{source} AND w.reasons @> %(reason)s::jsonb"
        given["reason"] = json.dumps([{"code": reason}])
    return Rows(source, given, found="max(w.noticed_at)", member="w.member_id", is_absent=op == "no")


def _warned_words(op, reason):
    why = {"reason": name_of(_why(), reason, _("any reason"))}
    return (_("Is about to leave: %(reason)s") if op == "yes" else _("Is not about to leave: %(reason)s")) % why


CONDITIONS = (
    Condition(
        "stays_for", gettext_lazy("What they stay for"),
        (Field("drivers", gettext_lazy("what they stay for"), "choices", ["price"], _drivers),),
        _driver, _driver_words, tell_choice(_drivers),
    ),
    Condition(
        "warned", gettext_lazy("About to leave"),
        (DID, Field("reason", gettext_lazy("reason"), "choice", "", _why, is_optional=True)),
        _warned, _warned_words, tell_day,
    ),
)  # fmt: skip
