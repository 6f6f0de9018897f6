from django.urls import path

from api import (
    apps_of_members,
    cases,
    events,
    gift_cards,
    holds,
    offers,
    payments,
    profiles,
    rewards,
    scores,
    sharing,
    stripe,
    visits,
    wallets,
)
from api.endpoints import api

for noun in (
    events,
    holds,
    rewards,
    gift_cards,
    payments,
    wallets,
    sharing,
    profiles,
    scores,
    cases,
    apps_of_members,
    visits,
    offers,
):
    api.add_router("", noun.router)

urlpatterns = [
    path("visits", visits.take, name="visits"),
    path("visits.js", visits.script, name="visits_script"),
    path("stripe/events/", stripe.events, name="stripe_events"),
    path("", api.urls),
]
