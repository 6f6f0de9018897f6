from django.urls import path

from api import events, gift_cards, holds, payments, rewards
from api.endpoints import api

for noun in (events, holds, rewards, gift_cards, payments):
    api.add_router("", noun.router)

urlpatterns = [path("", api.urls)]
