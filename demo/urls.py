from django.urls import path

from demo import inbox, views
from demo.roles import ROLES

app_name = "demo"
urlpatterns = [
    path("", views.home, name="home"),
    path("design/", views.design, name="design"),
    path("tour/step/", views.step, name="step"),
    path("about-the-data/", views.about, name="about"),
    path("inbox/", inbox.inbox, name="inbox"),
    path("inbox/<int:pk>/", inbox.message, name="message"),
    path("inbox/<int:pk>/html/", inbox.message_html, name="message_html"),
    # One address per door, because each door keeps a session of its own and signs in under its own name.
    *[
        path(f"{role.door}/demo-sign-in/", views.sign_in, {"code": role.code}, name=f"sign_in_{role.code}")
        for role in ROLES
    ],
]
