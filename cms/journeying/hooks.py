"""What journeying adds to the Wagtail admin: its menu entry and addresses."""

from django.urls import path, reverse_lazy
from django.utils.translation import gettext_lazy as _
from wagtail import hooks

from cms.campaigning.hooks import MarketersItem
from cms.journeying import building, steering, views


@hooks.register("register_admin_menu_item")
def journeys_item():
    return MarketersItem(
        _("Journeys"), reverse_lazy("cms_journeys"), name="journeys", icon_name="order-down", order=105
    )


@hooks.register("register_admin_urls")
def journeying_urls():
    return [
        path("journeys/", views.journey_list, name="cms_journeys"),
        path("journeys/new/", views.journey_new, name="cms_journey_new"),
        path("journeys/<int:pk>/", views.journey, name="cms_journey"),
        path("journeys/<int:pk>/change/", views.change, name="cms_journey_change"),
        path("journeys/<int:pk>/rules/", views.rules, name="cms_journey_rules"),
        path("journeys/<int:pk>/steps/<slug:step_id>/", views.step, name="cms_journey_step"),
        path("journeys/<int:pk>/conditions/<slug:where>/", building.conditions, name="cms_journey_conditions"),
        path("journeys/<int:pk>/publish/", steering.publish, name="cms_journey_publish"),
        path("journeys/<int:pk>/test/", steering.test_run, name="cms_journey_test"),
        path("journeys/<int:pk>/people/<str:fate>/", steering.people, name="cms_journey_people"),
        path("journeys/<int:pk>/members/<uuid:member>/", steering.member_way, name="cms_journey_member"),
        path("journeys/<int:pk>/do/<slug:act>/", steering.act, name="cms_journey_act"),
    ]
