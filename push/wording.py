"""Liquid in push messages: plain fields, a few filters, tight limits. Members' values are data, never template text."""

import functools

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from liquid import Environment
from liquid.exceptions import LiquidError

from members.custom import OWN, is_own
from members.queries import fields_to_tell

FIELDS = (
    "given_name", "family_name", "points", "tier", "next_tier", "points_to_next_tier", "expiring_points", "expiring_on",
    "buy_again", "new_for_you", "shop_name",
)  # fmt: skip
FILTERS = ("default", "capitalize", "upcase", "downcase", "truncate", "first", "last", "size", "plus", "minus", "strip")
TAGS = ("if", "unless", "for", "assign")


class _Wording(Environment):
    loop_iteration_limit = 50
    output_stream_limit = 20_000
    local_namespace_limit = 4_000
    block_nesting_limit = 5

    def setup_tags_and_filters(self, **options):
        super().setup_tags_and_filters(**options)
        needed = {"content", "output", "illegal", *TAGS}  # the parser's own, and those we allow
        self.tags = {name: tag for name, tag in self.tags.items() if name in needed}
        self.filters = {name: rule for name, rule in self.filters.items() if name in FILTERS}


_environment = _Wording()


@functools.lru_cache(maxsize=512)
def _parsed(text: str):
    return _environment.from_string(text)


def fields_used(text: str) -> set[str]:
    """The fields that `text` names. Raises LiquidError when it is not valid Liquid or uses what is not allowed."""
    template = _parsed(text)
    unknown = sorted(set(template.filter_names()) - set(FILTERS))
    if unknown:
        raise LiquidError(f"unknown filter {unknown[0]}", token=None)
    return set(template.global_variables())


def check_wording(text: str) -> None:
    """Refuse wording that could not be sent, in words for its author (a Django validator)."""
    try:
        unknown = {name for name in fields_used(text) - set(FIELDS) if not _is_own(name)}
    except LiquidError as error:
        raise ValidationError(_("This is not valid: %(error)s"), params={"error": str(error)}) from error
    if unknown:
        raise ValidationError(
            _("There is no field %(names)s. Fields are: %(fields)s."),
            params={"names": ", ".join(sorted(unknown)), "fields": ", ".join(FIELDS)},
        )


def _is_own(name: str) -> bool:
    """A field of the shop's own that messages may tell."""
    return is_own(name) and name.removeprefix(OWN) in {one.code for one in fields_to_tell()}


def fill_in(text: str, values: dict) -> str:
    """`text` with its fields filled in, on one line."""
    own = {name: value for name, value in values.items() if is_own(name)}
    return " ".join(_parsed(text).render(**{name: values.get(name, "") for name in FIELDS} | own).split())
