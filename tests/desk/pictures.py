"""The pages of service and of a customer's life, as docs/service.md and docs/lifecycle.md show them; see tests/stage.py and tests/pictures.py."""

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from care.models import Invitation, Survey, Topic
from members.models import DuplicatePair, LifecycleRules
from tests.desk import scene as scenes
from tests.portal.scene import cookie

set_up = scenes.make


def _at(door: str, path: str):
    def opened(stage, scene):
        return stage.page(scene.staff[door], door, path=path.format(**scene.names))

    return opened


def _vestibule(path: str):
    """A page of the vestibule, where all staff come in: its session is made by the sign-in, not handed out by a door."""

    def opened(stage, scene):
        page, session, manager = stage.page(), SessionStore(), scene.staff["cms"]
        session[SESSION_KEY], session[HASH_SESSION_KEY] = str(manager.pk), manager.get_session_auth_hash()
        session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        session.create()
        name = f"{settings.SESSION_COOKIE_NAME}_staff"
        page.context.add_cookies([{"name": name, "value": session.session_key, "url": stage.site}])
        page.goto(f"{stage.site}{path}")
        return page

    return opened


def _edited(model, **which):
    """The page on which a manager edits this one."""

    def opened(stage, scene):
        one = model.objects.get(**which)
        path = f"/cms/snippets/{model._meta.app_label}/{model._meta.model_name}/edit/{one.pk}/"
        return stage.page(scene.staff["cms"], "cms", path=path)

    return opened


def _why(stage, scene):
    """After the member's page, which suggests something; with the first purchase's other rules opened."""
    page = _at("desk", "/desk/members/{member}/")(stage, scene)
    page.goto(f"{stage.site}/desk/members/{scene.names['member']}/why/")
    if page.locator("[data-why=points] summary").count():
        page.locator("[data-why=points] summary").first.click()
    return page


def _merge(stage, scene):
    """What merging would move, before it is done."""
    pair = DuplicatePair.objects.get()
    page = _at("desk", f"/desk/members/{pair.low.public_id}/together/")(stage, scene)
    page.fill("[name=other] >> nth=0", str(pair.high.public_id))
    page.fill("[name=reason] >> nth=0", "Same birthday, same mailbox")
    page.locator("form", has=page.locator("[name=reason]")).first.locator("button[type=submit]").first.click()
    page.wait_for_load_state()
    return page


def _portal(path: str):
    def opened(stage, scene):
        page = stage.page()
        name, value = cookie(scene.market.hero)
        page.context.add_cookies([{"name": name, "value": value, "url": stage.site}])
        page.goto(f"{stage.site}/portal/{path}")
        return page

    return opened


def _survey(stage, scene):
    """As it opens from a mail, without signing in, one score chosen."""
    page = stage.page()
    asked = Invitation.objects.get(member=scene.market.hero, cause="scene:hero")
    page.goto(f"{stage.site}/portal/surveys/{asked.token}/?score=5")
    return page


PAGES = {
    "find": _at("desk", "/desk/"), "member": _at("desk", "/desk/members/{member}/"), "cases": _at("desk", "/desk/cases/"),
    "case": _at("desk", "/desk/cases/{case}/"), "history": _at("desk", "/desk/members/{member}/timeline/"), "why": _why,
    "duplicates": _at("desk", "/desk/duplicates/"), "merge": _merge, "tasks": _at("desk", "/desk/tasks/"),
    "pipeline": _at("desk", "/desk/pipeline/"), "together": _at("desk", "/desk/members/{member}/together/"),
    "new_case": _at("desk", "/desk/members/{member}/cases/"), "topic": _edited(Topic, code="missing_points"),
    "survey": _edited(Survey, kind="csat"), "stages": _edited(LifecycleRules, pk=1),
    "modules": _at("cms", "/cms/modules/"), "digests": _vestibule("/staff/digests/"), "digest": _vestibule("/staff/digests/manager/"),
    "web_shop": _at("cms", "/cms/snippets/members/visitsite/"), "leaving": _at("cms", "/cms/retention/"),
    "interventions": _at("cms", "/cms/retention/interventions/"), "intervention": _at("cms", "/cms/retention/interventions/{intervention}/"),
    "rules": _at("cms", "/cms/retention/rules/"), "write": _portal("write/"), "messages": _portal("messages/"),
    "bands": _at("cms", "/cms/retention/bands/?band=gone&intervention={intervention}"), "advice": _at("cms", "/cms/campaigns/recommended/"),
    "feedback": _at("cms", "/cms/feedback/"), "said": _at("desk", "/desk/feedback/"), "complaints": _at("reports", "/reports/figures/complaints/"),
    "store_cases": _at("reports", "/reports/cases/"), "trends": _at("reports", "/reports/figures/sales_trends/"), "claim": _portal("claim/"), "sharing": _portal("sharing/"), "asked": _survey,
}  # fmt: skip
