from django.urls import path

from api import events, gift_cards, holds, payments, rewards, wallets
from api.endpoints import api

for noun in (events, holds, rewards, gift_cards, payments, wallets):
    api.add_router("", noun.router)

urlpatterns = [path("", api.urls)]
from api import stripe
from api import sharing, stripe
from api.endpoints import api

from api import events, sharing, stripe
from api.endpoints import api

api.add_router("", events.router)
api.add_router("", sharing.router)
urlpatterns = [path("stripe/events/", stripe.events, name="stripe_events"), path("", api.urls)]
