"""Steps that part the way or end it: by audience, by what came of a message, by chance."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.journeys.kinds import meaning
from campaigns.journeys.kinds.asking import Ask, Kind

GROUP = "way"


def _branch_words(step):
    if meaning.is_own(step):
        return _("Does this hold for them? %(conditions)s") % {"conditions": meaning.words(step)}
    return _("Are they in “%(audience)s”?") % {"audience": meaning.words(step)}


QUESTIONS = (
    ("sent", gettext_lazy("was it sent?")), ("clicked", gettext_lazy("did they click in it?")),
    ("skipped", gettext_lazy("was it left out (no consent, too many, too late)?")),
)  # fmt: skip


def questions():
    return [(key, str(words)) for key, words in QUESTIONS]


def _followup_words(step):
    return _("The message of step %(step)s: %(question)s") % {
        "step": step.get("step") or "?", "question": dict(questions()).get(step.get("question"), "?"),
    }  # fmt: skip


def _split_words(step):
    whole = sum(path.get("weight", 1) for path in step.get("paths", ())) or 1
    shares = [f"{path['name']} {100 * path.get('weight', 1) / whole:.0f} %" for path in step.get("paths", ())]
    return _("By chance: %(shares)s") % {"shares": " · ".join(shares)}


def _variant_words(step):
    return _("Did chance put them into %(arm)s?") % {"arm": step.get("arm") or "?"}


def _exit_words(step):
    return _("The journey ends here: goal reached") if step.get("as") == "goal" else _("The journey ends here")


KINDS = (
    Kind(
        "branch", gettext_lazy("Branch by audience"), "group",
        (meaning.ASK,), _branch_words, GROUP,
        paths=(gettext_lazy("Yes"), gettext_lazy("No")),
    ),
    Kind(
        "followup", gettext_lazy("Branch by what came of a message"), "mail",
        (
            Ask("step", gettext_lazy("Message of step"), "text", "", high=12),
            Ask("question", gettext_lazy("Question"), "choice", "clicked", questions),
        ),
        _followup_words, GROUP, paths=(gettext_lazy("Yes"), gettext_lazy("No")),
    ),
    Kind("split", gettext_lazy("Split by chance"), "order", (), _split_words, GROUP),
    Kind(
        "variant", gettext_lazy("Branch by variant"), "copy",
        (Ask("arm", gettext_lazy("Variant"), "text", "", high=120),), _variant_words, GROUP,
        paths=(gettext_lazy("Yes"), gettext_lazy("No")),
    ),
    Kind(
        "exit", gettext_lazy("End the journey"), "cross",
        (Ask("as", gettext_lazy("As"), "choice", "left", lambda: [("left", _("left")), ("goal", _("goal reached"))]),),
        _exit_words, GROUP,
    ),
)  # fmt: skip
