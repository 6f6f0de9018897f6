"""The picker of fields: what it may insert, told to its script."""

from django.utils.translation import gettext as _

from emails.fields import FIELDS

SKIPPED = {"offers"}  # shown by a block of their own


def choices() -> list[dict]:
    """Field by field: its words, what it looks like, and what is written into the text. `…` stands for the fallback."""
    return [
        {
            "name": field.name,
            "label": str(field.label),
            "sample": "" if field.sample is None else str(field.sample),
            "filters": " | number" if field.kind == "number" else "",
            "needsFallback": field.is_optional,
        }
        for field in FIELDS.values()
        if field.kind not in SKIPPED
    ]


def words() -> dict[str, str]:
    return {
        "open": _("Insert a field"),
        "title": _("Insert a field"),
        "search": _("Find a field"),
        "fallback": _("Words for members who lack it"),
        "insert": _("Insert"),
        "cancel": _("Cancel"),
        "none": _("No field is called that."),
        "needed": _("Say what members read who lack it."),
    }
