"""Making and editing a campaign while it is a draft."""

import secrets

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.models import Campaign, Rehearsal, Variant
from campaigns.rehearsal import EFFECT


class CannotEdit(Exception):
    """The campaign has left the drawing board; clone it instead."""


def _seed() -> int:
    return secrets.randbelow(2**31)


@transaction.atomic
def create(
    *, name: str, audience, variants: list[dict], kind: str = Campaign.Kind.ORDINARY, effect=None, **settings
) -> Campaign:
    """Make a draft. `variants` are dicts of name, weight, email_template, push_template; `settings` fields of Campaign.

    The seed of its later analysis is drawn here and never again. A rehearsal's planted effect is written down here too.
    """
    campaign = Campaign.objects.create(name=name, audience=audience, kind=kind, analysis_seed=_seed(), **settings)
    Variant.objects.bulk_create(Variant(campaign=campaign, **variant) for variant in variants)
    if campaign.is_rehearsal:
        Rehearsal.objects.create(campaign=campaign, seed=_seed(), effect=EFFECT | (effect or {}))
    return campaign


class Overtaken(CannotEdit):
    """Somebody else saved in the meantime. `.current` is the campaign as it is now; nothing was written."""

    def __init__(self, current: Campaign):
        self.current = current
        super().__init__(_("Somebody else changed this campaign while you were editing it."))


@transaction.atomic
def edit(
    *, campaign: Campaign, variants: list[dict] | None = None, version: int | None = None, by=None, **settings
) -> Campaign:
    """Change a draft. Given `variants` replace all of its own. Raises CannotEdit once the campaign is scheduled or beyond.

    `version` is the one that was edited: if the campaign has a later one by now, Overtaken. Whatever was approved before, this is not.
    """
    campaign = Campaign.objects.select_for_update().get(pk=campaign.pk)
    if not campaign.is_draft:
        raise CannotEdit(
            _("This campaign is %(status)s. Clone it to make a new one.") % {"status": campaign.get_status_display()}
        )
    if version is not None and version != campaign.version:
        raise Overtaken(campaign)
    for field, value in settings.items():
        setattr(campaign, field, value)
    campaign.version, campaign.edited_by = campaign.version + 1, by
    campaign.save()
    if variants is not None:
        campaign.variants.all().delete()
        Variant.objects.bulk_create(Variant(campaign=campaign, **variant) for variant in variants)
    if campaign.is_rehearsal:
        Rehearsal.objects.get_or_create(campaign=campaign, defaults={"seed": _seed(), "effect": EFFECT})
    return campaign


KEPT = (
    "kind", "audience", "holdout_percent", "outcome_days", "offers_buy_again", "offers_new_for_you", "late_hours_max", "priority",
    "message_hours_max", "choice", "goal", "test_percent", "decide_hours", "asks_for_winner", "parts", "part_hours", "floor_percent",
    "guardrail_percent", "budget_minor", "offer_cost_minor", "time_zone",
)  # fmt: skip
KEPT_TIMING = (
    "timing", "is_local", "local_time", "repeat", "weekdays", "month_day", "trigger", "trigger_settings", "delay_minutes",
    "reentry", "reentry_days",
)  # fmt: skip
KEPT_OF_VARIANTS = (
    "name", "weight", "email_template_id", "push_template_id", "push_by", "send_time", "at_own_hour", "offers_buy_again", "offers_new_for_you",
)  # fmt: skip


@transaction.atomic
def clone(*, campaign: Campaign) -> Campaign:
    """A new draft with the same audience, variants and settings, but chance, seed, dates and approval of its own."""
    if campaign.is_historical:
        raise CannotEdit(_("An imported campaign cannot be cloned: its audience and words are not known."))
    kept = {field: getattr(campaign, field) for field in KEPT_TIMING}
    return copy(campaign, name=_("%(name)s (copy)") % {"name": campaign.name[:110]}, cloned_from=campaign, **kept)


def copy(campaign: Campaign, *, name: str, **changes) -> Campaign:
    """Another campaign with the same audience, variants and settings; when it goes out is for `changes` to say."""
    effect = campaign.rehearsal.effect if campaign.is_rehearsal else None
    variants = [{field: getattr(one, field) for field in KEPT_OF_VARIANTS} for one in campaign.variants.all()]
    return create(
        name=name, variants=variants, effect=effect, **{field: getattr(campaign, field) for field in KEPT} | changes
    )
