"""What staff say about the house itself: a case of its own topic, owned by the product team, in their list at once."""

import re

from django.db import transaction

from care.models import CaseEntry
from care.operations.cases import Opened, open_case

TOPIC = "feedback"
_IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", re.IGNORECASE)


@transaction.atomic
def say_what_could_be_better(*, text, page, by_user, client_key, at) -> Opened:
    """Write down what a person of staff says of the page they came from. The same `client_key` is heard once.

    Of the page only its kind is kept: ids in an address may be a member's.
    """
    opened = open_case(topic=TOPIC, text=text, channel="form", at=at, source="staff", client_key=client_key)
    if not opened.is_replay:
        CaseEntry.objects.filter(case=opened.case, kind=CaseEntry.Kind.HEARD).update(
            by_user=by_user, detail=_IDS.sub("…", page)[:200]
        )
    return opened
