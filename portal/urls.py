from django.urls import path

from portal import goals, my_data, rewards, sharing, views

app_name = "portal"
urlpatterns = [
    path("", views.home, name="home"),
    path("login/", views.login_start, name="login"),
    path("login/code/", views.login_code, name="login_code"),
    path("logout/", views.leave, name="logout"),
    path("card/", views.card, name="card"),
    path("history/", views.history, name="history"),
    path("history/<int:version>/", views.entry, name="entry"),
    path("offers/", views.offers, name="offers"),
    path("offers/dismiss/", views.dismiss, name="dismiss"),
    path("goals/", goals.overview, name="goals"),
    path("goals/referral-code/", goals.referral_code, name="referral_code"),
    path("rewards/", rewards.rewards, name="rewards"),
    path("rewards/redeem/", rewards.redeem, name="redeem"),
    path("rewards/codes/", rewards.claim, name="claim_code"),
    path("vouchers/<uuid:public_id>/", rewards.voucher, name="voucher"),
    path("preferences/", views.preferences, name="preferences"),
    path("preferences/consent/", views.consent, name="consent"),
    path("preferences/language/", views.language, name="language"),
    path("sharing/", sharing.sharing, name="sharing"),
    path("sharing/gift/", sharing.gift, name="gift"),
    path("sharing/household/<slug:act>/", sharing.household, name="household"),
    path("sharing/membership/join/<int:plan_id>/", sharing.join, name="membership_join"),
    path("sharing/membership/leave/", sharing.leave, name="membership_leave"),
    path("data/", my_data.overview, name="my_data"),
    path("data/download/", my_data.download, name="my_data_download"),
    path("data/delete/", my_data.what_is_lost, name="what_is_lost"),
    path("data/delete/confirm/", my_data.delete, name="delete_account"),
    path("goodbye/", my_data.goodbye, name="goodbye"),
    path("push/subscribe/", views.push_subscribe, name="push_subscribe"),
    path("push/unsubscribe/", views.push_unsubscribe, name="push_unsubscribe"),
    path("sw.js", views.service_worker, name="service_worker"),
    path("manifest.webmanifest", views.manifest, name="manifest"),
]
