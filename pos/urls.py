from django.urls import path

from members.views import leave
from pos import offline, refunding, spending, taking_turns, views

app_name = "pos"
urlpatterns = [
    path("", views.till, name="till"),
    path("members/<uuid:public_id>/", views.member, name="member"),
    path("members/<uuid:public_id>/fits/", spending.fits, name="fits"),
    path("members/<uuid:public_id>/codes/", spending.apply_code, name="apply_code"),
    path("members/<uuid:public_id>/shown/", views.show, name="show"),
    path("members/<uuid:public_id>/agreed/", views.ask_code, name="ask_code"),
    path("members/<uuid:public_id>/purchases/", refunding.purchases, name="purchases"),
    path("enrol/", views.enrol, name="enrol"),
    path("sales/<uuid:public_id>/", views.sale, name="sale"),
    path("sales/<uuid:public_id>/refund/", refunding.refund, name="refund"),
    path("refunds/", refunding.find_receipt, name="find_receipt"),
    path("void/", refunding.void, name="void"),
    path("store/", views.choose_store, name="choose_store"),
    path("switch/", taking_turns.switch, name="switch"),
    path("unlock/", taking_turns.unlock, name="unlock"),
    path("pin/", taking_turns.choose_pin, name="pin"),
    path("sw.js", offline.worker, name="worker"),
    path("offline/", offline.shell, name="offline"),
    path("offline/status/", offline.status, name="status"),
    path("offline/sales/", offline.sales, name="hand_in"),
    path("leave/", leave, name="leave"),
]
