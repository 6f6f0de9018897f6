"""Ready journeys to start from: nobody should begin with an empty page."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from campaigns.journeys import flow, operations
from campaigns.journeys.kinds import KINDS
from campaigns.journeys.models import Journey
from emails import starters as emails


@dataclass(frozen=True)
class Starter:
    """A journey that is ready to go live: its words for the chooser, and what makes its definition."""

    code: str
    name: str
    about: str
    icon: str
    make: Callable[[], dict]


def _laid(entry: dict, steps: list[dict], **rules) -> dict:
    """A definition with ids given in the order of reading."""
    definition = {**flow.EMPTY, "entry": {"audience": "", **entry}, **rules}
    for step in steps:
        definition, _made = flow.insert(definition, f":{len(definition['steps'])}", step)
    return definition


def _step(kind: str, **told) -> dict:
    return {**KINDS[kind].blank(), **told}


def _email(starter: str, name: str) -> dict:
    return _step("email", template=str(emails.write(starter, name=name).pk))


def _welcome() -> dict:
    bought = {"event": "purchase", "which": ""}
    return _laid(
        {"kind": "event", "event": "joined", "which": ""},
        [
            _email("welcome", "Welcome"),
            _step("wait", amount=3, unit="days"),
            _step("wait_until", at="10:00"),
            _step("note", title_en="Your offers are on your card", title_zh="优惠已放入您的会员卡",
                  text_en="Show it at the till and they apply by themselves.", text_zh="结账时出示会员卡即可自动使用。",
                  url="/portal/offers/"),
        ],
        goal=bought,
    )  # fmt: skip


def _birthday() -> dict:
    return _laid(
        {"kind": "date", "date": "birthday", "days": 0, "at": "09:00"},
        [
            _step("points", points=50, reason_en="Happy birthday", reason_zh="生日快乐"),
            _step("note", title_en="Happy birthday! 50 points for you", title_zh="生日快乐！送您 50 积分",
                  text_en="They are on your card already.", text_zh="积分已经到账。", url="/portal/"),
        ],
        reentry={"rule": "after_leaving"},
    )  # fmt: skip


def _win_back() -> dict:
    wait = _step("wait_for", event="purchase", which="", amount=7, unit="days")
    wait["paths"][1]["steps"] = [
        _step("points", points=100, reason_en="We would love to see you again", reason_zh="期待您再次光临")
    ]
    return _laid(
        {"kind": "event", "event": "stage", "which": "at_risk"},
        [_email("win_back", "Win back"), wait],
        reentry={"rule": "after_days", "days": 90}, goal={"event": "purchase", "which": ""},
    )  # fmt: skip


def _expiring() -> dict:
    return _laid(
        {"kind": "event", "event": "expiring", "which": "30"},
        [
            _step("note", title_en="Some of your points expire soon", title_zh="您有积分即将到期",
                  text_en="Spend them on a reward while they are good.", text_zh="请尽快兑换奖励，别让积分过期。", url="/portal/rewards/"),
        ],
        reentry={"rule": "after_leaving"},
    )  # fmt: skip


STARTERS = {
    one.code: one
    for one in (
        Starter("welcome", _("Welcome"), _("Who joins gets an e-mail with offers of their own, and a note three days later. The goal is the first purchase."), "mail", _welcome),
        Starter("birthday", _("Birthday"), _("50 points and a note, at nine in the morning where the member is."), "plus", _birthday),
        Starter("win_back", _("Win back"), _("Who stays away gets an e-mail with offers, and points if that did not bring them back within a week."), "rotate", _win_back),
        Starter("expiring", _("Points about to expire"), _("A note on their page thirty days before."), "time", _expiring),
    )
}  # fmt: skip


@transaction.atomic
def start(code: str) -> Journey:
    """Make a ready journey, with the e-mails it needs. Raises KeyError for an unknown one."""
    starter = STARTERS[code]
    return operations.create(name=str(starter.name), definition=_numbered(starter.make()))


def _numbered(definition: dict) -> dict:
    """Steps inside paths get ids too."""
    number = definition["last_id"]
    for step, _depth in flow.walk(definition["steps"]):
        if "id" not in step:
            number += 1
            step["id"] = f"s{number}"
    return {**definition, "last_id": number}
