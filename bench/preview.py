"""The preview studio of a whole e-mail, asked as the browser asks it: the page and the frame, for every reader and look.

The frame is made by the renderer of the send from the draft as it stands: blocks → MJML → HTML → a member's values. The bar is
what a marketer waits for one picture: a second.
"""

import time
from datetime import UTC, datetime

from bench import _scratch

MOST_S = 1.0
ROUNDS = 3


def run(report):
    with _scratch.database("regulars_bench_preview"):
        _measure(report)


def _measure(report):
    from django.test import Client
    from django.urls import reverse

    from emails import starters
    from members.access import Role
    from members.operations import add_staff, enrol
    from tests.signing_in import at_door

    template = starters.write("win_back", name="Win back")
    member = enrol(at=datetime.now(UTC), given_name="Beatrix", email="bea@example.com", source="bench")
    client = at_door(Client(), add_staff(email="mara@example.com", roles=[Role.MARKETER]), "cms")
    studio, frame = (reverse(name, args=[template.pk]) for name in ("cms_email_studio", "cms_email_frame"))
    for words, reader in (("a chosen member", member.public_id), ("no data", "nobody")):
        for look in ("light", "dark", "text"):
            slowest = max(_seconds(client, studio, frame, {"as": reader, "look": look}) for _round in range(ROUNDS))
            report(
                f"preview as {words}, {look}, slowest of {ROUNDS}",
                round(slowest, 2),
                MOST_S,
                slowest <= MOST_S,
                "s, page and frame",
            )


def _seconds(client, studio, frame, query) -> float:
    began = time.perf_counter()
    for address in (studio, frame):
        assert client.get(address, query).status_code == 200
    return time.perf_counter() - began
