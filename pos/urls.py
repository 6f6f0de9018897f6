from django.urls import path

from members.views import leave
from pos import offline, views

app_name = "pos"
urlpatterns = [
    path("", views.till, name="till"),
    path("members/<uuid:public_id>/", views.member, name="member"),
    path("enrol/", views.enrol, name="enrol"),
    path("sales/<uuid:public_id>/", views.sale, name="sale"),
    path("sales/<uuid:public_id>/refund/", views.refund, name="refund"),
    path("store/", views.choose_store, name="choose_store"),
    path("sw.js", offline.worker, name="worker"),
    path("offline/", offline.shell, name="offline"),
    path("offline/status/", offline.status, name="status"),
    path("offline/sales/", offline.sales, name="hand_in"),
    path("leave/", leave, name="leave"),
]
