"""The main pages of the doors that have no checks of their own yet, on a service desk in the middle of its week.

A door that gets checks (`tests/<door>/checks.py`) names its pages there and leaves this list.
"""

from tests.desk import scene

set_up = scene.make

MAIN = {
    "desk": [
        "/desk/", "/desk/?q=ada", "/desk/members/{member}/", "/desk/members/{member}/together/", "/desk/members/{member}/timeline/",
        "/desk/members/{member}/why/", "/desk/members/{member}/cases/", "/desk/duplicates/", "/desk/cases/", "/desk/cases/{case}/",
        "/desk/tasks/", "/desk/pipeline/",
    ],
    "cms": [
        "/cms/audiences/", "/cms/campaigns/", "/cms/programme/", "/cms/programme/rules/", "/cms/programme/rewards/",
        "/cms/programme/vouchers/", "/cms/programme/tiers/", "/cms/programme/partners/", "/cms/programme/memberships/",
        "/cms/retention/", "/cms/retention/rules/", "/cms/retention/interventions/",
    ],
    "reports": ["/reports/", "/reports/campaigns/", "/reports/liability/", "/reports/rules/"],
}  # fmt: skip
