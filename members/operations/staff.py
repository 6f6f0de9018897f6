"""Staff accounts, and the note of who opened whose record."""

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from members import normalise
from members.models import Access, User
from members.roles import Role


@transaction.atomic
def add_staff(*, email: str, roles, given_name="", family_name="", language="", password: str | None = None) -> User:
    """Make a staff account, or bring the one with this address up to date. Without a password it signs in by reset only."""
    address = normalise.email(email)
    user, _made = User.objects.get_or_create(username=address, defaults={"email": address})
    user.email, user.first_name, user.last_name, user.language = address, given_name, family_name, language
    user.is_staff, user.is_active = True, True
    if password is not None or not user.password:
        user.set_password(password)
    user.save()
    set_roles(user=user, roles=roles)
    return user


def set_roles(*, user, roles):
    """Give a member of staff these roles and no other. Raises ValueError for a role that does not exist."""
    wanted = [Role(role) for role in roles]
    user.groups.set(Group.objects.filter(name__in=wanted))
    user.__dict__.pop("_roles", None)


def note_access(*, user, member_id: int, act: str, door: str, note: str = "", at=None) -> Access:
    """Write down that `user` opened or changed this member's record; real time, never the business clock."""
    return Access.objects.create(
        user=user, member_id=member_id, act=Access.Act(act), door=door, note=note, at=at or timezone.now()
    )
