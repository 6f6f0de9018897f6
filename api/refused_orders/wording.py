"""What is wrong with a refused order, and what helps, in the reader's language."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from api.models import RefusedOrder

WORDS = {
    "store": (
        gettext_lazy("The store is not known."),
        gettext_lazy("Create the store under Stores, or correct its code in the shop, and have the order sent again."),
    ),
    "member": (
        gettext_lazy("Nobody is known by the number or address that stands for the member."),
        gettext_lazy(
            "Enrol the member, or correct it in the shop. Sent without a member, the order is stored and earns nothing."
        ),
    ),
    "member_form": (
        gettext_lazy("The member is not named in a way that can be read."),
        gettext_lazy(
            "Send exactly one of public_id, card, phone, email and external_id, phone numbers with their country (+1…)."
        ),
    ),
    "future": (
        gettext_lazy("Its time lies in the future."),
        gettext_lazy("Correct the clock and the time zone of the shop's server, and have the order sent again."),
    ),
    "rules": (
        gettext_lazy("No rules were live at its time."),
        gettext_lazy("Check the date in the shop. If the order is older than the programme, let it go."),
    ),
    "lines": (
        gettext_lazy("Its lines cannot be accepted."),
        gettext_lazy(
            "Look at quantities and totals in the shop. A refund takes back at most what is left of its order."
        ),
    ),
    "spend": (
        gettext_lazy("It cannot be paid the way it says."),
        gettext_lazy(
            "Look at the points, cards or rewards it was to be paid with; the customer may have used them meanwhile."
        ),
    ),
    "key_used": (
        gettext_lazy("Its number was used before for something else, which stands as it is."),
        gettext_lazy("If it is another order, have it sent under a number of its own; then let this go."),
    ),
    "sale": (
        gettext_lazy("It takes back an order that this shop never recorded."),
        gettext_lazy("Have the order sent first, then the refund with the id that was answered."),
    ),
    "scope": (
        gettext_lazy("The shop's token may not do this."),
        gettext_lazy("Ask an administrator for a token with the scope for purchases or refunds."),
    ),
    "missing": (
        gettext_lazy("A field is missing."),
        gettext_lazy("Whoever looks after the shop adds it; the description at /api/v1/docs says what it holds."),
    ),
    "extra": (
        gettext_lazy("There is no such field."),
        gettext_lazy("Whoever looks after the shop corrects its name, or leaves it out."),
    ),
    "invalid": (
        gettext_lazy("A field does not hold what it should."),
        gettext_lazy("Whoever looks after the shop corrects it; the description at /api/v1/docs says what it holds."),
    ),
    "unreadable": (
        gettext_lazy("What was sent cannot be read."),
        gettext_lazy("Whoever looks after the shop sees to it that one JSON object in UTF-8 is sent."),
    ),
    "beyond": (
        gettext_lazy("More orders of this shop are refused than are listed one by one."),
        gettext_lazy("Mend what is listed; as soon as there is room, new ones are listed again. Then let this go."),
    ),
}


def label(code: str) -> str:
    """The error in a few words, for choosing by it."""
    return str(WORDS.get(code, WORDS["invalid"])[0]).rstrip(".。")


def wrong(row: RefusedOrder) -> str:
    """What is wrong; of a store that is not known, with its code."""
    if row.code == "store" and row.store_said:
        return _("The store “%(code)s” is not known.") % {"code": row.store_said}
    return str(WORDS.get(row.code, WORDS["invalid"])[0])


def helps(row: RefusedOrder) -> str:
    return str(WORDS.get(row.code, WORDS["invalid"])[1])
