"""The admin's menus without what is switched off."""

import copy

from wagtail import hooks

from config.modules import leads_somewhere
from members import modules


@hooks.register("construct_main_menu", order=1000)
def leave_out_what_is_off(request, menu_items):
    if modules.switched_off():
        menu_items[:] = [shown for item in menu_items if (shown := _without(item, request))]


def _without(item, request):
    """The entry, its submenu without what is off; nothing where the entry itself, or all there was in it, is off."""
    if not hasattr(item, "menu"):
        return item if leads_somewhere(item.url) else None
    items = item.menu.menu_items_for_request(request)
    left = [one for one in items if hasattr(one, "menu") or leads_somewhere(one.url)]
    if len(left) == len(items):
        return item
    item, menu = copy.copy(item), copy.copy(item.menu)
    menu.menu_items_for_request = lambda _request: left
    item.menu = menu
    return item if left else None
