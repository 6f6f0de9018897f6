"""Who signs in for each role: staff made on first use, and a member with a story to tell."""

from django.contrib.auth.models import Group

from demo import queries
from demo.roles import Role
from members.models import Member, User

NAMES = {
    "marketer": ("Maya", "Lindqvist"),
    "cashier": ("Carlos", "Reyes"),
    "service": ("Sana", "Iqbal"),
    "analyst": ("Anders", "Holm"),
    "developer": ("Devi", "Raman"),
}


def user_for(role: Role) -> User | None:
    """The demo's user for a role; None when there is no member yet to be."""
    return _staff(role) if role.groups else _member()


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
    return user


def _member() -> User | None:
    chosen = queries.featured().get("near_tier", {}).get("public_id")
    members = Member.objects.active().order_by("pk")
    member = (members.filter(public_id=chosen).first() if chosen else None) or members.first()
    return member_user(member) if member else None


def member_user(member: Member) -> User:
    """The account a member signs in with; their address stays encrypted elsewhere."""
    user, is_new = User.objects.get_or_create(member=member, defaults={"username": f"member-{member.public_id}"})
    if is_new:
        user.set_unusable_password()
        user.save()
    return user
