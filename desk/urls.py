from django.urls import path

from desk import cases, checks, chores, duplicates, privacy, putting_right, timeline, together, views, why
from members.views import leave

app_name = "desk"
urlpatterns = [
    path("", views.find, name="find"),
    path("members/<uuid:public_id>/", views.member, name="member"),
    path("members/<uuid:public_id>/points/", views.ledger, name="ledger"),
    path("members/<uuid:public_id>/goodwill/", views.goodwill, name="goodwill"),
    path("members/<uuid:public_id>/reinstate/", putting_right.reinstate, name="reinstate"),
    path("members/<uuid:public_id>/holds/", putting_right.void_hold, name="void_hold"),
    path("members/<uuid:public_id>/rewards/", putting_right.take_back, name="take_back"),
    path("members/<uuid:public_id>/consent/", views.consent, name="consent"),
    path("members/<uuid:public_id>/profile/", views.profile, name="profile"),
    path("members/<uuid:public_id>/purchases/<uuid:receipt>/", views.purchase, name="purchase"),
    path("members/<uuid:public_id>/data/", privacy.download, name="member_data"),
    path("members/<uuid:public_id>/erase/", privacy.erase, name="erase"),
    path("members/<uuid:public_id>/together/", together.together, name="together"),
    path("members/<uuid:public_id>/together/merge/", together.merge, name="merge"),
    path("members/<uuid:public_id>/together/merges/<uuid:merge_id>/undo/", together.unmerge, name="unmerge"),
    path("members/<uuid:public_id>/together/gift/", together.gift, name="gift"),
    path("members/<uuid:public_id>/together/household/<slug:act>/", together.household, name="household"),
    path("members/<uuid:public_id>/timeline/", timeline.timeline, name="timeline"),
    path("members/<uuid:public_id>/why/", why.why, name="why"),
    path("members/<uuid:public_id>/known/", timeline.know, name="know"),
    path("members/<uuid:public_id>/cases/", cases.new_case, name="new_case"),
    path("members/<uuid:public_id>/tasks/", chores.add, name="add_task"),
    path("members/<uuid:public_id>/opportunities/", chores.open_opportunity, name="open_opportunity"),
    path("cases/", cases.inbox, name="cases"),
    path("cases/<uuid:public_id>/", cases.case, name="case"),
    path("cases/<uuid:public_id>/<slug:act>/", cases.act, name="case_act"),
    path("tasks/", chores.tasks, name="tasks"),
    path("tasks/<uuid:public_id>/done/", chores.finish, name="finish_task"),
    path("pipeline/", chores.pipeline, name="pipeline"),
    path("pipeline/<uuid:public_id>/", chores.move, name="move"),
    path("duplicates/", duplicates.overview, name="duplicates"),
    path("duplicates/<int:pk>/dismiss/", duplicates.dismiss, name="dismiss_pair"),
    path("checks/", checks.checks, name="checks"),
    path("checks/<int:pk>/", checks.decide, name="decide_check"),
    path("leave/", leave, name="leave"),
]
