from django.urls import path

from api import events
from api.endpoints import api

api.add_router("", events.router)
urlpatterns = [path("", api.urls)]
