"""Steps that give something: points, a voucher."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.journeys.kinds.asking import Ask, Kind, whole
from campaigns.journeys.kinds.choosing import named, rewards

GROUP = "give"


def _points_words(step):
    points = whole(step.get("points"))
    return ngettext("Give %(n)s point", "Give %(n)s points", points) % {"n": f"{points:,}"}


def _voucher_words(step):
    return _("Give “%(name)s”") % {"name": named(rewards, step.get("reward"))}


KINDS = (
    Kind(
        "points", gettext_lazy("Give points"), "plus",
        (
            Ask("points", gettext_lazy("Points"), "number", 50, low=1, high=100_000),
            Ask("reason_en", gettext_lazy("Reason shown to the member, in English"), "text", "A gift from us", high=120),
            Ask("reason_zh", gettext_lazy("Reason in Chinese"), "text", "", high=120, is_needed=False),
        ),
        _points_words, GROUP,
    ),
    Kind(
        "voucher", gettext_lazy("Give a voucher"), "tag",
        (Ask("reward", gettext_lazy("Reward"), "choice", "", rewards),), _voucher_words, GROUP,
    ),
)  # fmt: skip
