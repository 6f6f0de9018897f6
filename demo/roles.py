"""The six roles of the demo: which door, which groups, what they do."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Role:
    code: str
    door: str  # first part of the door's address, and so the name of its session
    home: str  # where sign-in leads
    groups: tuple[str, ...]
    icon: str
    tint: str
    name: str
    does: str
    enter: str

    @property
    def sign_in_url(self) -> str:
        return f"/{self.door}/demo-sign-in/"


ROLES = (
    Role(
        "marketer", "cms", "/cms/", ("marketer", "approver", "store_manager"), "megaphone", "tomato",
        _("Marketer"), _("Writes e-mails and pushes, picks audiences, launches campaigns with a holdout."), _("Be the marketer"),
    ),
    Role(
        "member", "portal", "/portal/", (), "card", "pine",
        _("Member"), _("Sees points, tier and card, reads why every point came, chooses what to receive."), _("Be the member"),
    ),
    Role(
        "cashier", "pos", "/pos/", ("cashier",), "store", "marigold",
        _("Cashier"), _("Finds a member by card, phone or name and awards points at the till."), _("Be the cashier"),
    ),
    Role(
        "service", "desk", "/desk/", ("service",), "headset", "sky",
        _("Service"), _("Answers “where are my points?” from an explained ledger; refunds and goodwill."), _("Be the service desk"),
    ),
    Role(
        "analyst", "reports", "/reports/", ("analyst",), "chart", "plum",
        _("Analyst"), _("Reads lift with its interval, the members behind it, and the programme’s totals."), _("Be the analyst"),
    ),
    Role(
        "developer", "api", "/api/v1/docs", ("administrator",), "code", "quiet",
        _("Developer"), _("Posts purchases through a documented API with a token and a key per act."), _("Be the developer"),
    ),
)  # fmt: skip
BY_CODE = {role.code: role for role in ROLES}
