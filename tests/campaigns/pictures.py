"""The campaign pages of the admin as docs/marketers.md shows them; see tests/stage.py and tests/pictures.py."""

from dataclasses import dataclass
from datetime import time, timedelta

from campaigns import flows, operations
from campaigns.models import Campaign
from delivery.models import Message
from members import clock
from members.models import Member
from members.operations import add_staff
from sales.models import Purchase
from tests.campaigns.conftest import enrol_quickly, sale
from tests.campaigns.people import catalogue, points_currency, shop, tiers

MEMBERS = 240


@dataclass
class Scene:
    marketer: object
    draft: Campaign
    sending: Campaign


def set_up() -> Scene:
    at = clock.now()
    catalogue()
    place = shop()
    tiers()
    points_currency()
    people = enrol_quickly(MEMBERS)
    Purchase.objects.bulk_create(
        sale(one, at - timedelta(days=1 + i % 13), 900 + 41 * (i % 60), place, f"p-{i}") for i, one in enumerate(people)
    )
    Member.objects.filter(pk__in=[one.pk for one in people[::2]]).update(lifecycle_stage="lapsed")
    marketer = add_staff(
        email="mara@example.com", roles=["marketer", "approver"], given_name="Mara", family_name="Quinn"
    )
    sending = operations.launch(campaign=flows.make("win_back", by=marketer), at=at)
    sent = Message.objects.filter(cause=sending.cause).order_by("pk")[: MEMBERS // 3]
    Message.objects.filter(pk__in=list(sent.values_list("pk", flat=True))).update(state="sent", sent_at=at)
    for name, days in (("Spring news", 2), ("Easter offers", 2), ("Tasting evening", 9)):
        one = operations.clone(campaign=sending)
        operations.schedule(
            campaign=operations.edit(campaign=one, name=name), launch_at=at + timedelta(days=days), at=at
        )
    weekly = operations.edit(
        campaign=operations.clone(campaign=sending), name="Friday letter", timing="recurring", repeat="weekly", weekdays=[4],
        local_time=time(9),
    )  # fmt: skip
    operations.launch(campaign=weekly, at=at)
    operations.launch(campaign=flows.make("birthday", by=marketer), at=at)
    return Scene(marketer, flows.make("win_back", by=marketer), sending)


def _flows(stage, scene):
    return stage.page(scene.marketer, "cms", path="/cms/campaigns/flows/")


def _go_live(stage, scene):
    return stage.page(scene.marketer, "cms", path=f"/cms/campaigns/{scene.draft.pk}/go-live/")


def _campaign(stage, scene):
    return stage.page(scene.marketer, "cms", path=f"/cms/campaigns/{scene.sending.pk}/")


def _edit(stage, scene):
    return stage.page(scene.marketer, "cms", path=f"/cms/campaigns/{scene.draft.pk}/edit/")


def _calendar(stage, scene):
    return stage.page(scene.marketer, "cms", path="/cms/campaigns/calendar/")


PAGES = {"flows": _flows, "go_live": _go_live, "campaign": _campaign, "edit": _edit, "calendar": _calendar}
