"""The page on which parts of the house are switched off, and on again."""

from itertools import groupby

from django.contrib import messages
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from members import clock, modules, operations
from members.access import Role, staff_only

managers_only = staff_only(Role.STORE_MANAGER)


@managers_only
@require_http_methods(["GET", "POST"])
def module_list(request):
    """Every module with its switch; saved all at once."""
    if request.method == "POST":
        on = set(request.POST.getlist("on"))
        changed = operations.switch_modules(
            off=[code for code in modules.MODULES if code not in on], by_user=request.user, at=clock.now()
        )
        words = ngettext("%(n)d module was switched.", "%(n)d modules were switched.", len(changed))
        messages.success(request, words % {"n": len(changed)} if changed else _("Nothing was changed."))
        return redirect("cms_modules")
    off = modules.switched_off()
    groups = [
        (group, [(one, one.code not in off) for one in found])
        for group, found in groupby(modules.MODULES.values(), key=lambda one: one.group)
    ]
    return TemplateResponse(request, "cms/switching/modules.html", {"groups": groups, "kept_s": int(modules.KEPT_S)})
