"""What keeps a draft from being published, as its page says it."""

import re

from django.utils.translation import gettext as _

from loyalty.authoring.wording import WHEN_FIELDS, name_of
from loyalty.earning.kinds import BUDGET, BY_CODE, fields_of, kind_of
from loyalty.earning.problems import Problem

PLACE = re.compile(r"(rules|exclude)\[(\d+)\]\.?(.*)")


def in_words(fault: Problem, definition: dict) -> str:
    """A fault of a draft as its page says it: “Double Tuesday, Hours: write start and end …”."""
    found = PLACE.fullmatch(fault.where)
    if found is None:
        return fault.words(_)
    entry = definition[found[1]][int(found[2])]
    said = [name_of(entry) if isinstance(entry, dict) else found[0]]
    if found[3]:
        said.append(_label_of(entry, found[3].rpartition(".")[2]))
    return _("%(place)s: %(problem)s") % {"place": " › ".join(said), "problem": fault.words(_)}


def _label_of(entry: dict, name: str) -> str:
    own = fields_of(kind_of(entry)) if kind_of(entry) in BY_CODE else ()
    described = {field.name: field.label for field in (*BUDGET, *WHEN_FIELDS, *own)}
    return _(described[name]) if name in described else name
