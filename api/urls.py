from django.urls import path

from api import events, gift_cards, holds, payments, rewards, wallets
from api.endpoints import api

for noun in (events, holds, rewards, gift_cards, payments, wallets):
from api import events, gift_cards, holds, payments, rewards, sharing, stripe
from api.endpoints import api

for noun in (events, holds, rewards, gift_cards, payments, sharing):
    api.add_router("", noun.router)

urlpatterns = [path("stripe/events/", stripe.events, name="stripe_events"), path("", api.urls)]
