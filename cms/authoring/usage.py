"""Where a template is used. Whatever names it keeps it: a template in use, or one that was sent, is not deleted."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from wagtail.admin.admin_url_finder import AdminURLFinder

_PARTS = {"frozenemail", "frozenpush", "pushwording"}  # what a template is made of, and what was made of it


@dataclass(frozen=True)
class Use:
    """One thing that names the template: a campaign's variant, a step of a journey."""

    kind: str
    name: str
    url: str


def of(template, user=None) -> list[Use]:
    """Everything that points at the template or at one of its translations, each named once."""
    model = type(template)
    family = model.objects.filter(pk=template.pk)
    if hasattr(template, "translation_key"):
        family = model.objects.filter(translation_key=template.translation_key)
    ids, finder = list(family.values_list("pk", flat=True)), AdminURLFinder(user)
    found: dict[tuple[str, str], Use] = {}
    for relation in _relations(model):
        for row in relation.related_model.objects.filter(**{f"{relation.field.name}__in": ids})[:200]:
            owner = getattr(row, "campaign", None) or getattr(row, "journey", None) or row
            use = Use(str(owner._meta.verbose_name), str(owner), _address(owner, finder))
            found.setdefault((use.kind, f"{owner._meta.label}:{owner.pk}"), use)
    return sorted(found.values(), key=lambda use: (use.kind, use.name))


def _relations(model):
    return [
        relation
        for relation in model._meta.get_fields(include_hidden=True)
        if (relation.one_to_many or relation.one_to_one)
        and relation.auto_created
        and relation.related_model._meta.model_name not in _PARTS
    ]


def _address(owner, finder) -> str:
    return finder.get_edit_url(owner) or (owner.get_absolute_url() if hasattr(owner, "get_absolute_url") else "")


def why_kept(template) -> str:
    """Why this template may not be deleted; empty where it may."""
    uses = of(template)
    if uses:
        names = ", ".join(use.name for use in uses[:5])
        return _("“%(name)s” is used by %(uses)s. Take it out there first.") % {"name": template, "uses": names}
    if template.frozen.exists():
        return _("“%(name)s” has been sent. What members got is kept; unpublish it instead.") % {"name": template}
    return ""
