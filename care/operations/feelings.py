"""Reading the feeling of what members wrote, apart from taking it in: the libraries take seconds to load."""

from care import sentiment
from care.models import Case, CaseEntry
from members import operations as members
from members.knowing import Touchpoint

SPOKEN = (
    Touchpoint.Kind.COMMENT,
    Touchpoint.Kind.SHARE,
    Touchpoint.Kind.EMAIL,
    Touchpoint.Kind.CALL,
    Touchpoint.Kind.CHAT,
)
AT_ONCE = 500


def read_feelings() -> int:
    """Score comments and cases nobody has scored, a few hundred at a time. Returns how many."""
    spoken = Touchpoint.objects.filter(kind__in=SPOKEN, direction="in", feeling=None, words__isnull=False)
    heard = {one.pk: sentiment.feeling(one.words) or 0 for one in spoken.order_by("pk")[:AT_ONCE]}
    members.set_feelings(heard)
    first_words = CaseEntry.objects.filter(kind="heard", text__isnull=False, case__feeling=None).order_by(
        "case_id", "pk"
    )
    felt = {}
    for entry in first_words.distinct("case_id")[:AT_ONCE]:
        felt[entry.case_id] = sentiment.feeling(entry.text) or 0
    for case_id, value in felt.items():
        Case.objects.filter(pk=case_id, feeling=None).update(feeling=value)
    return len(heard) + len(felt)
