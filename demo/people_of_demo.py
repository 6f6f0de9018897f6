"""Who signs in for each role: staff made on first use, and a member with a story to tell."""

import uuid

from django.contrib.auth.models import Group

from demo import queries
from demo.roles import Role
from members.models import Member, User
from portal.accounts import account_of
from sales.models import Store

NAMES = {
    "marketer": ("Maya", "Lindqvist"),
    "cashier": ("Carlos", "Reyes"),
    "service": ("Sana", "Iqbal"),
    "analyst": ("Anders", "Holm"),
    "developer": ("Devi", "Raman"),
}


def is_anybody_there() -> bool:
    return Member.objects.active().exists()


def user_for(role: Role, *, public_id: str = "") -> User | None:
    """The demo's user for a role, or the member asked for; None when there is no member yet to be."""
    return _staff(role) if role.groups else _member(public_id)


def _staff(role: Role) -> User:
    given, family = NAMES[role.code]
    user, is_new = User.objects.get_or_create(
        username=f"demo-{role.code}",
        defaults={
            "first_name": given, "last_name": family, "email": f"{given.lower()}@larkfield.example.com", "is_staff": True,
        },
    )  # fmt: skip
    if is_new:
        user.set_unusable_password()
        user.save()
        user.groups.set(Group.objects.filter(name__in=role.groups))
        user.stores.set(_stores())
    return user


def _stores():
    """Where the demo's staff work: the busiest store."""
    return Store.objects.filter(code=queries.fact("busiest_store", {}).get("code", ""))


def _member(public_id: str) -> User | None:
    member = _wanted(public_id) or _wanted(queries.featured().get("near_tier", {}).get("public_id", ""))
    member = member or Member.objects.active().order_by("pk").first()
    return account_of(member) if member else None


def _wanted(public_id: str) -> Member | None:
    try:
        return Member.objects.active().filter(public_id=uuid.UUID(public_id)).first()
    except ValueError:
        return None
