"""What saying adds to the Wagtail admin: the last entry of the menu."""

from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.menu import MenuItem

from members import modules


class WhileCasesAreOn(MenuItem):
    def is_shown(self, request):
        return modules.is_on("cases")


@hooks.register("register_admin_menu_item")
def feedback_item():
    return WhileCasesAreOn(
        _("Feedback"), reverse_lazy("feedback_cms"), name="feedback", icon_name="comment", order=9900
    )
