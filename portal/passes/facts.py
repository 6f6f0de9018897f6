"""What a pass says of a member: the same for every wallet."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.staticfiles import finders

from portal import glance


@dataclass(frozen=True)
class Facts:
    """`serial` names the pass for ever; the code is the card's number, because a pass is shown without a network."""

    serial: str
    number: str
    points: int
    tier: str
    name: str
    shop: str


def of(member, *, at: datetime) -> Facts:
    seen = glance.of(member, at=at)
    return Facts(
        serial=str(member.public_id), number=glance.card_number(member), points=seen.points, tier=seen.tier,
        name=member.name, shop=settings.SHOP_NAME,
    )  # fmt: skip


def icon_path() -> str:
    return finders.find("design/icon-192.png")
