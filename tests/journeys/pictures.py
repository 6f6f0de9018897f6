"""Audiences and journeys in the admin as docs/marketers.md shows them; see tests/stage.py and tests/pictures.py."""

from dataclasses import dataclass
from datetime import timedelta

from campaigns.journeys import entering, operations, running, starters
from campaigns.journeys.models import Journey
from campaigns.memberships import revisions
from campaigns.models import Audience
from members import clock
from members.models import Member
from members.operations import add_staff
from sales.models import Category, Purchase
from tests.campaigns.conftest import enrol_quickly, sale
from tests.campaigns.people import catalogue, points_currency, shop, tiers

MEMBERS = 180


@dataclass
class Scene:
    marketer: object
    audience: Audience
    member: Member
    journey: Journey


def set_up() -> Scene:
    at = clock.now()
    catalogue()
    place = shop()
    tiers()
    points_currency()
    people = enrol_quickly(MEMBERS)
    Purchase.objects.bulk_create(
        sale(one, at - timedelta(days=1 + 7 * (i % 13)), 900 + 141 * (i % 60), place, f"p-{i}")
        for i, one in enumerate(people)
    )
    Member.objects.filter(pk__in=[one.pk for one in people[::3]]).update(language="zh-hans")
    marketer = add_staff(
        email="mara@example.com", roles=["marketer", "approver"], given_name="Mara", family_name="Quinn"
    )
    audience = _audience(at, marketer)
    return Scene(marketer, audience, people[4], _journey(at, people))


def _audience(at, marketer) -> Audience:
    dairy = Category.objects.get(raw_name="DAIRY").pk
    spent = {"type": "purchase_amount", "op": "at_least", "amount": 20, "days": 90}
    audience = Audience.objects.create(
        name="Good customers who drifted", conditions={"match": "all", "conditions": [spent]}
    )
    before = audience.conditions
    audience.conditions = {
        "match": "all",
        "conditions": [
            spent,
            {"match": "any", "conditions": [
                {"type": "last_purchase", "op": "older", "days": 30},
                {"type": "bought_category", "op": "not_bought", "category": dairy, "days": 60},
            ]},
        ],
    }  # fmt: skip
    audience.save()
    revisions.note(audience=audience, at=at, by_user=marketer, before=before)
    return audience


def _journey(at, people) -> Journey:
    """The ready welcome journey with half of the members on their way."""
    journey = starters.start("welcome")
    operations.publish(journey=journey, at=at - timedelta(days=1))
    Member.objects.filter(pk__in=[one.pk for one in people[::2]]).update(joined_at=at - timedelta(hours=20))
    entering.listen(at=at)
    running.run(at=at)
    journey.refresh_from_db()
    return journey


def _builder(stage, scene):
    return stage.page(scene.marketer, "cms", path=f"/cms/audiences/{scene.audience.pk}/edit/")


def _audience_page(stage, scene):
    return stage.page(
        scene.marketer, "cms", path=f"/cms/audiences/{scene.audience.pk}/?member={scene.member.public_id}"
    )


def _flow(stage, scene):
    return stage.page(scene.marketer, "cms", path=f"/cms/journeys/{scene.journey.pk}/")


def _way(stage, scene):
    return stage.page(scene.marketer, "cms", path=f"/cms/journeys/{scene.journey.pk}/members/{scene.member.public_id}/")


PAGES = {"builder": _builder, "audience": _audience_page, "journey": _flow, "way": _way}
