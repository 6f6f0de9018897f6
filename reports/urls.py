from django.urls import path

from members.views import leave
from reports import behind, crossings, figures, keeping, liability, live, measured, power, rule_trials, views

app_name = "reports"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("now/", live.now, name="now"),
    path("weeks.csv", views.weeks_csv, name="weeks_csv"),
    path("campaigns/", views.campaign_list, name="campaigns"),
    path("campaigns.csv", views.campaigns_csv, name="campaigns_csv"),
    path("campaigns/<int:pk>/", views.campaign, name="campaign"),
    path("campaigns/<int:pk>/people/", behind.of_arm, name="campaign_people"),
    path("campaigns/<int:pk>/figures.csv", views.campaign_csv, name="campaign_csv"),
    path("campaigns/<int:pk>/figures.json", views.campaign_json, name="campaign_json"),
    path("rules/", rule_trials.rule_trials, name="rule_trials"),
    path("rules/<int:pk>/", rule_trials.rule_trial, name="rule_trial"),
    path("figures/", figures.library, name="library"),
    path("figures/arrange/", figures.arrange, name="arrange"),
    path("figures/move/", figures.move, name="move"),
    path("figures/<slug:code>/", figures.panel, name="panel"),
    path("figures/<slug:code>/people/", behind.people, name="panel_people"),
    path("figures/<slug:code>.csv", figures.export, {"kind": "csv"}, name="panel_csv"),
    path("figures/<slug:code>.parquet", figures.export, {"kind": "parquet"}, name="panel_parquet"),
    path("figures/<slug:code>.json", figures.export, {"kind": "json"}, name="panel_json"),
    path("crossing/", crossings.crossed, name="crossing"),
    path("crossing.csv", crossings.export, {"kind": "csv"}, name="crossing_csv"),
    path("crossing.parquet", crossings.export, {"kind": "parquet"}, name="crossing_parquet"),
    path("crossing/people/", crossings.people, name="crossing_people"),
    path("crossing/save/", crossings.save, name="crossing_save"),
    path("crossing/views/<int:pk>/forget/", crossings.forget, name="crossing_forget"),
    path("experiment/", measured.experiment, name="experiment"),
    path("power/", power.power, name="power"),
    path("evaluations/", keeping.evaluations, name="evaluations"),
    path("editions/", keeping.edition_list, name="editions"),
    path("editions/mail/", keeping.subscribe, name="subscribe"),
    path("editions/<slug:month>/", keeping.edition, name="edition"),
    path("programme-lift/", views.programme_page, name="programme_lift"),
    path("liability/", liability.liability, name="liability"),
    path("liability.csv", liability.liability_csv, name="liability_csv"),
    path("movements.csv", liability.movements_csv, name="movements_csv"),
    path("leave/", leave, name="leave"),
]
