from django.urls import path

from demo import views
from demo.roles import ROLES

app_name = "demo"
urlpatterns = [
    path("", views.home, name="home"),
    path("design/", views.design, name="design"),
    # One address per door, because each door keeps a session of its own and signs in under its own name.
    *[
        path(f"{role.door}/demo-sign-in/", views.sign_in, {"code": role.code}, name=f"sign_in_{role.code}")
        for role in ROLES
    ],
]
