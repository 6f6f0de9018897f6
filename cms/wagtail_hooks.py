"""The admin's menu and screens. Each subject registers its own in a `hooks` module; this one only tidies up."""

from wagtail import hooks

from cms.audiencing import hooks as audiencing  # noqa: F401 -- registers audiences
from cms.authoring import hooks as authoring  # noqa: F401 -- registers e-mails, push messages and the brand
from cms.campaigning import hooks as campaigning  # noqa: F401 -- registers campaigns
from cms.journeying import hooks as journeying  # noqa: F401 -- registers journeys
from cms.retaining import hooks as retaining  # noqa: F401 -- early warning
from cms.saying import hooks as saying  # noqa: F401 -- what could be better here
from cms.switching import hooks as switching  # noqa: F401 -- modules on and off

UNUSED = {"explorer"}  # there are no web pages to explore: members' pages belong to the portal


@hooks.register("construct_main_menu")
def hide_what_is_not_used(request, menu_items):
    menu_items[:] = [item for item in menu_items if item.name not in UNUSED]
