"""How long an analyst waits for each page of the reports, in a shop of a million members and twenty million purchases.

Each page is asked twice: when nothing is kept, as the beat reads it in the background, and as readers get it. `make bench ONLY=pages` takes the
whole size and furnishes the shop first (several minutes once); without a name a twentieth of it.
"""

import sys
import time

from django.conf import settings
from django.core.cache import cache
from django.test import Client

from bench import _furnish as furnish
from bench import _shop as shop

MEMBERS, PURCHASES = 1_000_000, 20_000_000
SECONDS_MAX, MINUTES_MAX = 2.0, 15
ROLES = ("analyst", "marketer")


def run(report):
    is_whole = "pages" in sys.argv[1:]
    members, purchases = (MEMBERS, PURCHASES) if is_whole else (MEMBERS // 20, PURCHASES // 20)
    more = furnish.steps(members, purchases)
    with shop.shop(members=members, purchases=purchases, more=more), business_time(), kept():
        took = timed(signed_in(), pages())
    for name, (first, again, size) in sorted(took.items(), key=lambda one: -one[1][0]):
        report(
            f"{name} (s)", round(again, 2), f"≤ {SECONDS_MAX:g}", again <= SECONDS_MAX,
            f"{first:.1f} s when nothing is kept; {size // 1000} kB",
        )  # fmt: skip
    whole = sum(first for first, _again, _size in took.values())
    report(
        "all pages read anew, one after another (s)", round(whole), f"≤ {60 * MINUTES_MAX}", whole <= 60 * MINUTES_MAX
    )


def business_time():
    """Today is the day the shop was generated for."""
    from unittest.mock import patch

    from members import clock

    return patch.object(clock, "now", lambda: shop.NOW)


def kept():
    """Answers are kept as they are outside of tests; none of an earlier run is left."""
    from unittest.mock import patch

    from reports.models import Reading

    Reading.objects.all().delete()
    cache.clear()
    return patch.object(settings, "REPORTS_ARE_KEPT", new=True)


def signed_in() -> Client:
    from members.models import User
    from members.operations import add_staff

    found = User.objects.filter(email="bench@example.com").first()
    client = Client(HTTP_HOST="localhost")
    client.force_login(found or add_staff(email="bench@example.com", roles=list(ROLES)))
    client.cookies["sessionid_reports"] = client.cookies["sessionid"].value
    return client


def pages() -> dict[str, str]:
    """Every page by a name; those of panels and of the dimensions are found by their lists."""
    from campaigns.models import Campaign
    from reports.panels import PANELS

    number = Campaign.objects.get(name="Bench").pk
    crossing = "crossing/?rows={}&columns={}&measure={}&months={}"
    return {
        **{f"figure {code}": f"figures/{code}/" for code in PANELS},
        "programme": "", "campaigns": "campaigns/", "campaign report": f"campaigns/{number}/", "experiment": "experiment/",
        "how many members": "power/", "evaluations": "evaluations/", "editions": "editions/", "programme lift": "programme-lift/",
        "liability": "liability/", "liability CSV": "liability.csv", "rules": "rules/", "all figures": "figures/", "arrange": "figures/arrange/",
        "weeks CSV": "weeks.csv", "today so far": "now/", "members of a store": "figures/stores/people/?is=S7",
        "members of an arm": f"campaigns/{number}/people/?is=Holdout",
        "crossing store × month, 3 months": crossing.format("store", "month", "sales", 3),
        "crossing tier × channel, 3 months": crossing.format("tier", "channel", "members", 3),
        "crossing stage × weekday, 3 months": crossing.format("stage", "weekday", "mean", 3),
        "crossing tier × stage, 12 months": crossing.format("tier", "stage", "purchases", 12),
        "crossing store × tier, 12 months": crossing.format("store", "tier", "sales", 12),
        "people of a store and month": "crossing/people/?rows=store&columns=month&measure=sales&months=3&row=Store 7&column=2025-11",
        "people of a tier": "crossing/people/?rows=channel&columns=tier&measure=members&months=3&column=gold",
        "crossing CSV": "crossing.csv?rows=store&columns=month&measure=sales&months=3",
    }  # fmt: skip


def timed(client: Client, asked: dict[str, str]) -> dict[str, tuple[float, float, int]]:
    """Seconds of the first and of the second time, and bytes, of each page."""
    found = {}
    for name, path in asked.items():
        times = []
        for _round in range(2):
            begun = time.perf_counter()
            answer = client.get(f"/reports/{path}")
            while answer.status_code == 202:  # a worker counts it, and the page looks again
                answer = client.get(f"/reports/{path}")
            times.append(time.perf_counter() - begun)
            if answer.status_code != 200:
                raise AssertionError(f"{path} answers {answer.status_code}")
        found[name] = (*times, len(answer.content))
    return found
