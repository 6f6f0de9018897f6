"""Switching a part of the house off, or on again."""

from django.db import transaction

from members import modules
from members.models import ModuleSwitch


@transaction.atomic
def switch_modules(*, off, by_user, at) -> list[str]:
    """Leave exactly these modules off. Answers the codes that changed. Raises KeyError for a module there is none of."""
    wanted = frozenset(modules.MODULES[code].code for code in off)
    known = dict(ModuleSwitch.objects.select_for_update().values_list("code", "is_on"))
    changed = [code for code in modules.MODULES if known.get(code, True) == (code in wanted)]
    for code in changed:
        ModuleSwitch.objects.update_or_create(
            code=code, defaults={"is_on": code not in wanted, "changed_at": at, "changed_by": by_user}
        )
    modules.remember(wanted)
    return changed
