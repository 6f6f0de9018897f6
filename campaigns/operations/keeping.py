"""An author's unsaved form of a campaign, kept step by step: nothing typed is lost, and what was typed can be undone and done again."""

from django.db import transaction

from campaigns.models import CampaignDraft

STEPS_MAX = 50
FIELDS_MAX, BYTES_MAX = 300, 40_000


class TooMuch(ValueError):
    """The form is not one of ours: too many fields, or too long."""


def draft_of(campaign, author) -> CampaignDraft | None:
    """The unsaved form of this author; of a campaign that is still to be made where `campaign` is None."""
    return CampaignDraft.objects.filter(campaign=campaign, author=author).first()


@transaction.atomic
def keep(*, campaign, author, forms: list[dict], at) -> CampaignDraft:
    """Note what the form says now; `forms` may begin with what it said before anything was typed. What was undone before is gone.

    Raises TooMuch.
    """
    for form in forms:
        _checked(form)
    draft, _is_new = CampaignDraft.objects.select_for_update().get_or_create(
        campaign=campaign, author=author, defaults={"saved_at": at}
    )
    steps = draft.steps[: draft.place + 1]
    for form in forms if not steps else forms[-1:]:
        if not steps or steps[-1] != form:
            steps.append(form)
    draft.steps = steps[-STEPS_MAX:]
    draft.place, draft.saved_at = len(draft.steps) - 1, at
    draft.save()
    return draft


def _checked(form):
    is_form = isinstance(form, dict) and all(
        isinstance(values, list) and all(isinstance(value, str) for value in values) for values in form.values()
    )
    if not is_form or len(form) > FIELDS_MAX or sum(len(v) for values in form.values() for v in values) > BYTES_MAX:
        raise TooMuch


@transaction.atomic
def go(*, campaign, author, by: int, at) -> CampaignDraft | None:
    """Undo (−1) or do again (+1); at either end nothing moves."""
    draft = CampaignDraft.objects.select_for_update().filter(campaign=campaign, author=author).first()
    if draft is not None and 0 <= draft.place + by < len(draft.steps):
        draft.place, draft.saved_at = draft.place + by, at
        draft.save()
    return draft


def drop(*, campaign, author) -> None:
    """Throw the unsaved form away."""
    CampaignDraft.objects.filter(campaign=campaign, author=author).delete()
