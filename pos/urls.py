from django.urls import path

from members.views import leave
from pos import views

app_name = "pos"
urlpatterns = [
    path("", views.till, name="till"),
    path("members/<uuid:public_id>/", views.member, name="member"),
    path("enrol/", views.enrol, name="enrol"),
    path("sales/<uuid:public_id>/", views.sale, name="sale"),
    path("sales/<uuid:public_id>/refund/", views.refund, name="refund"),
    path("store/", views.choose_store, name="choose_store"),
    path("leave/", leave, name="leave"),
]
