from django.urls import path

from reports.digests import views

app_name = "digests"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("<slug:code>/", views.preview, name="preview"),
]
