"""The tour: one purchase's way through every room, as steps with deep links."""

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from campaigns.models import Variant
from demo.roles import BY_CODE

COOKIE = "tour"


@dataclass(frozen=True)
class Step:
    """`role` signs in and is led to `address`; without a role the address is open to all."""

    code: str
    title: str
    text: str
    role: object
    address: str
    action: str
    is_done: bool


def _address(name: str, *args) -> str:
    try:
        return reverse(name, args=args) if all(args) else ""
    except NoReverseMatch:
        return ""


def _preview(campaign_id: int | None, who: str) -> str:
    """The studio of the campaign's first e-mail, seen through that member's eyes."""
    variants = Variant.objects.filter(campaign=campaign_id, email_template__isnull=False).order_by("pk")
    template = variants.values_list("email_template", flat=True).first()
    studio = _address("cms_email_studio", template)
    return f"{studio}?as={who}" if studio and who else studio


def steps(*, campaign_id: int | None, member: dict, done: set[str]) -> list[Step]:
    """All steps, in order. Where the demo has not prepared a page yet, the step leads to its door."""
    who, name = member.get("public_id", ""), member.get("name", "")
    plan = [
        (
            "award", _("Award $24.60"),
            _("At the till, find %(name)s and type 24.60.") % {"name": name} if name else _("At the till, find a member and type 24.60."),
            "cashier", _address("pos:member", who), _("To the till"),
        ),
        ("explain", _("See it explained"), _("As that member: the points, the part of a point carried to the next purchase, and why."), "member", _address("portal:history"), _("To the history")),
        ("refund", _("Refund it"), _("At the service desk: what will be taken back is shown before you confirm."), "service", _address("desk:member", who), _("To the desk")),
        ("preview", _("Preview the e-mail"), _("As the marketer, see the e-mail as that member would get it."), "marketer", _preview(campaign_id, who), _("To the preview")),
        ("launch", _("Launch the second campaign"), _("It is ready: audience, two variants, a holdout."), "marketer", _address("cms_campaign", campaign_id), _("To the campaign")),
        ("read", _("Read what arrived"), _("In the inbox, as the members got it."), "", _address("demo:inbox"), _("To the inbox")),
        ("report", _("Read its report"), _("Who was sent, who was held out, and what can be said yet."), "analyst", _address("reports:campaign", campaign_id), _("To the report")),
    ]  # fmt: skip
    return [
        Step(code, title, text, BY_CODE.get(role), address, action, code in done)
        for code, title, text, role, address, action in plan
    ]
