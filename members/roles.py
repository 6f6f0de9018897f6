"""The staff roles, which are Django groups, and what each may do in the Wagtail admin.

Doors ask for roles (members/access.py). Wagtail asks for permissions, so the roles that write campaigns or run the
programme are given theirs after every migration: a new snippet model is theirs without a hand's turn.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    MARKETER = "marketer", _("Marketer")
    APPROVER = "approver", _("Approver")
    CASHIER = "cashier", _("Cashier")
    SERVICE = "service", _("Customer service")
    ANALYST = "analyst", _("Analyst")
    STORE_MANAGER = "store_manager", _("Store manager")
    ADMINISTRATOR = "administrator", _("Administrator")


AUTHORED = ("emails", "push", "campaigns", "recommender", "portal")
"""Apps whose models are written in the Wagtail admin."""

RUN = {
    "care": {"team", "topic", "route", "survey", "stage"},
    "members": {"customfield", "tag", "lifecyclerules", "visitsite"},
    "sales": {"margin"},
}
"""Tables by which managers run the programme, by app: not all of that app's are theirs."""

PERMISSIONS = {
    Role.MARKETER: dict.fromkeys(AUTHORED, ("add", "change", "delete", "view", "publish")),
    Role.APPROVER: dict.fromkeys(AUTHORED, ("change", "view", "publish")),
    Role.STORE_MANAGER: {},  # beside RUN; the menu “Programme” asks for the role itself
    Role.ADMINISTRATOR: dict.fromkeys(AUTHORED, ("add", "change", "delete", "view", "publish", "lock", "unlock")),
}
COLLECTION_PERMISSIONS = ("add_image", "change_image", "choose_image", "add_document", "choose_document")


def grant_permissions(*, app_config, apps, using, **_kwargs):
    """Hear `post_migrate`: give the Wagtail roles the permissions of the app that was just migrated."""
    from django.contrib.auth.management import create_permissions

    if app_config.label not in {*AUTHORED, *RUN, "wagtailadmin", "wagtailimages", "wagtaildocs", "simple_translation"}:
        return
    create_permissions(app_config, verbosity=0, apps=apps, using=using)  # its own turn comes after ours
    # The permissions to publish and to lock are made by Wagtail's snippets, which come after the rooms and before its admin.
    labels = (*AUTHORED, app_config.label) if app_config.label == "wagtailadmin" else (app_config.label,)
    group_model, permission_model = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    permissions = permission_model.objects.using(using).filter(content_type__app_label__in=labels)
    for role, verbs in PERMISSIONS.items():
        group = group_model.objects.using(using).filter(name=role).first()
        if group is None:
            continue
        granted = (
            p
            for p in permissions.select_related("content_type")
            if _is_granted(p.content_type.app_label, p.codename, role, verbs)
        )
        group.permissions.add(*granted)
        if verbs and app_config.label in {"wagtailimages", "wagtaildocs"}:
            _grant_on_collections(apps, using, group, permissions)


def _is_granted(app: str, codename: str, role: str, verbs: dict) -> bool:
    if app == "wagtailadmin":
        return codename == "access_admin"
    verb, _, model = codename.partition("_")
    if model in RUN.get(app, ()):
        is_one_row = model == "lifecyclerules" and verb in {"add", "delete"}
        return role in {Role.STORE_MANAGER, Role.ADMINISTRATOR} and not is_one_row
    if app == "simple_translation":
        return codename == "submit_translation" and "add" in verbs.get("emails", ())
    if app == "members":
        return role == Role.ADMINISTRATOR and codename in {"add_user", "change_user", "view_user"}
    return verb in verbs.get(app, ())


def _grant_on_collections(apps, using, group, permissions):
    """Pictures and documents are permitted per collection; the root is everybody's."""
    root = apps.get_model("wagtailcore", "Collection").objects.using(using).filter(depth=1).first()
    if root is None:
        return
    grants = apps.get_model("wagtailcore", "GroupCollectionPermission").objects.using(using)
    for permission in permissions:
        if permission.codename in COLLECTION_PERMISSIONS:
            grants.get_or_create(group=group, collection=root, permission=permission)
