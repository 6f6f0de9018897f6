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


@transaction.atomic
def edit(*, campaign: Campaign, variants: list[dict] | None = None, **settings) -> Campaign:
    """Change a draft. Given `variants` replace all of its own. Raises CannotEdit once the campaign is scheduled or beyond."""
    campaign = Campaign.objects.select_for_update().get(pk=campaign.pk)
    if not campaign.is_draft:
        raise CannotEdit(
            _("This campaign is %(status)s. Clone it to make a new one.") % {"status": campaign.get_status_display()}
        )
    for field, value in settings.items():
        setattr(campaign, field, value)
    campaign.save()
    if variants is not None:
        campaign.variants.all().delete()
        Variant.objects.bulk_create(Variant(campaign=campaign, **variant) for variant in variants)
    if campaign.is_rehearsal:
        Rehearsal.objects.get_or_create(campaign=campaign, defaults={"seed": _seed(), "effect": EFFECT})
    return campaign


@transaction.atomic
def clone(*, campaign: Campaign) -> Campaign:
    """A new draft with the same audience, variants and settings, but chance, seed and schedule of its own."""
    kept = (
        "kind", "audience", "holdout_percent", "outcome_days", "offers_buy_again", "offers_new_for_you", "late_hours_max",
        "priority", "message_hours_max",
    )  # fmt: skip
    if campaign.is_historical:
        raise CannotEdit(_("An imported campaign cannot be cloned: its audience and words are not known."))
    effect = campaign.rehearsal.effect if campaign.is_rehearsal else None
    variants = [
        {
            "name": v.name,
            "weight": v.weight,
            "email_template_id": v.email_template_id,
            "push_template_id": v.push_template_id,
        }
        for v in campaign.variants.all()
    ]
    name = _("%(name)s (copy)") % {"name": campaign.name[:110]}
    copied = {field: getattr(campaign, field) for field in kept}
    return create(name=name, variants=variants, effect=effect, cloned_from=campaign, **copied)
