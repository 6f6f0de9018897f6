"""The menu “Programme”, and who may read and who may change what hangs in it."""

from wagtail.admin.menu import Menu, MenuItem, SubmenuMenuItem

from members.access import Role, has_role, staff_only

MANAGERS = (Role.STORE_MANAGER,)
"""Who may change the programme; an administrator has every role."""
READERS = (*MANAGERS, Role.MARKETER, Role.APPROVER)
"""Who may look at it."""

managers_only = staff_only(*MANAGERS)
readers_only = staff_only(*READERS)

programme_menu = Menu(register_hook_name="register_programme_menu_item")


def may_manage(user) -> bool:
    """Whether a page should show this user what changes things."""
    return has_role(user, *MANAGERS)


class ProgrammeItem(MenuItem):
    """An entry of the menu, shown to whoever may read the programme."""

    roles = READERS

    def is_shown(self, request):
        return has_role(request.user, *self.roles)


class ManagersItem(ProgrammeItem):
    """An entry that only managers see."""

    roles = MANAGERS


class ProgrammeMenu(SubmenuMenuItem):
    def is_shown(self, request):
        return has_role(request.user, *READERS) and super().is_shown(request)
