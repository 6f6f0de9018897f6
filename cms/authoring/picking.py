"""The picker of fields: what it may insert, told to its script."""

from django.utils.translation import gettext as _

from emails.fields import FIELDS, Field
from members.custom import OWN, is_own
from members.queries import fields_to_tell
from push import wording

SKIPPED = {"offers"}  # shown by a block of their own


def choices(*, is_push: bool = False) -> list[dict]:
    """Field by field: its words, what it looks like, and the filters written behind its name. Push messages know fewer."""
    return [
        {
            "name": field.name,
            "label": str(field.label),
            "sample": "" if field.sample is None else str(field.sample),
            "filters": " | number" if field.kind == "number" and not is_push else "",
            "needsFallback": field.is_optional,
        }
        for field in (*FIELDS.values(), *own_fields())
        if field.kind not in SKIPPED and (not is_push or field.name in wording.FIELDS or is_own(field.name))
    ]


def own_fields() -> list[Field]:
    """The shop's own fields as a message may name them, with what one would look like."""
    samples = {"number": "42", "date": "2027-01-31", "yes_no": _("yes")}
    return [
        Field(f"{OWN}{one.code}", one.label, "text", (one.choices or [samples.get(one.kind, "…")])[0], is_optional=True)
        for one in fields_to_tell()
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
