from django.urls import path

from members.views import leave
from reports import liability, rule_trials, views

app_name = "reports"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("weeks.csv", views.weeks_csv, name="weeks_csv"),
    path("campaigns/", views.campaign_list, name="campaigns"),
    path("campaigns.csv", views.campaigns_csv, name="campaigns_csv"),
    path("campaigns/<int:pk>/", views.campaign, name="campaign"),
    path("campaigns/<int:pk>/figures.csv", views.campaign_csv, name="campaign_csv"),
    path("rules/", rule_trials.rule_trials, name="rule_trials"),
    path("rules/<int:pk>/", rule_trials.rule_trial, name="rule_trial"),
    path("liability/", liability.liability, name="liability"),
    path("liability.csv", liability.liability_csv, name="liability_csv"),
    path("movements.csv", liability.movements_csv, name="movements_csv"),
    path("leave/", leave, name="leave"),
]
