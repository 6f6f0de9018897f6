"""What is told of a member's account by itself: the receipt of a purchase, a tier that changed, points about to expire.

Each names a row of the room that knows it, and is put into words when it leaves, in the member's language. By e-mail it is a letter;
by any other way its title and first words.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import translation
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext, ngettext

from delivery.addresses import internet_name, link_base
from delivery.letters import Letter, Writer, found
from emails import notices
from loyalty import queries as loyalty
from loyalty.models import ExpiryNotice, TierChange
from loyalty.sentences import money
from members.clock import now
from sales.models import Purchase, PurchaseLine

RECEIPT, TIER_CHANGE, EXPIRY_NOTICE = "sales.Purchase", "loyalty.TierChange", "loyalty.ExpiryNotice"
PAGE = "/portal/"


@dataclass(frozen=True)
class Told:
    """One piece of news in the member's language. `subject`: also the title of a push; `short`: its text; `path`: where a tap leads."""

    language: str
    subject: str
    text: str
    short: str = ""
    path: str = PAGE
    act: str = ""  # words of the button that leads there
    no_more: str = ""  # words of the way out
    rows: tuple[tuple[str, str], ...] = ()
    total: tuple[str, str] = ("", "")
    after: str = ""
    sections: tuple[tuple[str, tuple[str, ...], str], ...] = ()

    @property
    def url(self) -> str:
        return f"{settings.SITE_URL}{self.path}"


class AccountLetter(Letter):
    """A letter, or the few words of it that a push or a text message has room for."""

    @staticmethod
    def subject(told: Told) -> str:
        return told.subject

    def writer(self, told: Told) -> Writer:
        def write(values: dict, to: str, date: datetime, token: str) -> bytes:
            if not to:
                return _in_short(told, token)
            said = notices.Notice(
                told.subject, told.text, values.get("given_name", ""), told.language, is_automatic=True,
                rows=told.rows, total=told.total, after=told.after, sections=told.sections,
                taps=((told.act, told.url),) if told.act else (), is_one_act=True,
                unsubscribe=(told.no_more, f"{link_base()}/u/{token}"),
            )  # fmt: skip
            return notices.render(said, to=to, message_id=internet_name(token), date=date)

        return write

    def target(self, told: Told, link: str, values: dict) -> str | None:
        return told.url if link == "0" else None


def _in_short(told: Told, token: str) -> bytes:
    said = {"title": told.subject, "body": told.short, "url": f"{link_base()}/c/{token}/0", "tag": token}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


# -- receipts ----------------------------------------------------------------------------------------------------------


class Receipt(AccountLetter):
    """A purchase or a refund: its lines, its total, and what it meant for the points."""

    @staticmethod
    def load(pk: int) -> Told:
        purchase = found(
            Purchase.objects.select_related("member", "store").filter(pk=pk, member__isnull=False).first(), pk
        )
        with translation.override(purchase.member.language):
            return _receipt(purchase)


def _receipt(purchase: Purchase) -> Told:
    is_refund = purchase.kind == Purchase.Kind.REFUND
    sign = -1 if is_refund else 1
    moment = purchase.purchased_at.astimezone(ZoneInfo(purchase.store.time_zone))
    words = {
        "store": purchase.store.name, "total": money(sign * purchase.total_minor, purchase.currency),
        "day": date_format(moment, "DATE_FORMAT"), "time": time_format(moment, "TIME_FORMAT"),
    }  # fmt: skip
    subject = (
        gettext("Refund from %(store)s: %(total)s") if is_refund else gettext("Your receipt from %(store)s: %(total)s")
    )
    text = (
        gettext("What you gave back at %(store)s, %(day)s, %(time)s:") if is_refund
        else gettext("What you bought at %(store)s, %(day)s, %(time)s:")
    )  # fmt: skip
    rows = [
        (_item(line), money(sign * line.total_minor, purchase.currency))
        for line in PurchaseLine.objects.select_related("product__category")
        .filter(purchase=purchase)
        .order_by("line_no")
    ]
    return Told(
        purchase.member.language, subject % words, text % words, rows=tuple(rows), total=(gettext("Total"), words["total"]),
        after=_points_of(purchase), no_more=gettext("No more receipts by e-mail"),
    )  # fmt: skip


def _item(line: PurchaseLine) -> str:
    """“Whole milk × 2”, “Bananas, 0.42 kg”: the reviewed name where there is one, else the name the till knows."""
    product = line.product
    reviewed = product.category if product.category and (product.category.name_en or product.category.name_zh) else None
    name, number = reviewed.name if reviewed else product.name or product.code, abs(line.quantity).normalize()
    if line.unit:
        return f"{name}, {number:f} {line.unit}"
    return name if number in (0, 1) else f"{name} × {number:f}"


ENTRIES_LOOKED_AT = 20


def _points_of(purchase: Purchase) -> str:
    """What the ledger says of it, and the points there are now; nothing where nothing was moved."""
    entries = loyalty.entries(purchase.member_id, limit=ENTRIES_LOOKED_AT)
    entry = next((one for one in entries if one.purchase_id == purchase.pk), None)
    if entry is None:
        return ""
    there_are = ngettext(
        "You have %(points)s point after this.", "You have %(points)s points after this.", entry.available_after
    ) % {"points": f"{entry.available_after:,}"}
    return f"{_ended(entry.sentence)}\n\n{there_are}"


def _ended(sentence: str) -> str:
    """The ledger's words stand in lists elsewhere; in a letter a sentence has an end."""
    return sentence if sentence.endswith((".", "。")) else gettext("%(sentence)s.") % {"sentence": sentence}


# -- tiers and points --------------------------------------------------------------------------------------------------


class TierChanged(AccountLetter):
    """A step up with what it brings, or a step down with what leads back up."""

    @staticmethod
    def load(pk: int) -> Told:
        rows = TierChange.objects.select_related("wallet__member", "from_tier", "to_tier")
        change = found(rows.filter(pk=pk, wallet__member__isnull=False).first(), pk)
        with translation.override(change.wallet.member.language):
            return _tier(change)


def _tier(change: TierChange) -> Told:
    member, tier = change.wallet.member, change.to_tier
    is_up = change.from_tier is None or tier.rank > change.from_tier.rank
    words = {"tier": tier.name, "shop_name": settings.SHOP_NAME}
    if is_up:
        subject, text = (
            gettext("You are %(tier)s now"),
            gettext("You have reached %(tier)s at %(shop_name)s. Thank you for coming back."),
        )
    else:
        subject, text = (
            gettext("Your tier is now %(tier)s"),
            gettext("Your tier at %(shop_name)s is %(tier)s from now on. Your points stay yours."),
        )
    brings = tuple(one.words for one in tier.benefits.all())
    return Told(
        member.language, subject % words, text % words, short=text % words,
        sections=((gettext("What %(tier)s brings you") % words, brings, ""),) if brings else (),
        after="\n\n".join(map(_ended, loyalty.tier_progress(member.pk, at=now()).sentences)),
        no_more=gettext("No more notices about my points by e-mail"),
    )  # fmt: skip


class PointsExpire(AccountLetter):
    """Points with a last day: how many, until when, and where they can be spent."""

    @staticmethod
    def load(pk: int) -> Told:
        rows = ExpiryNotice.objects.select_related("wallet__member")
        notice = found(rows.filter(pk=pk, wallet__member__isnull=False).first(), pk)
        with translation.override(notice.wallet.member.language):
            return _expiry(notice)


def _expiry(notice: ExpiryNotice) -> Told:
    words = {
        "points": f"{notice.points:,}", "day": date_format(notice.last_day, "DATE_FORMAT"), "shop_name": settings.SHOP_NAME,
        "available": f"{notice.wallet.available:,}",
    }  # fmt: skip
    subject = ngettext(
        "%(points)s point can be spent until %(day)s", "%(points)s points can be spent until %(day)s", notice.points
    )
    text = ngettext(
        "%(points)s of your %(available)s points at %(shop_name)s can be spent until %(day)s and expires after that day.",
        "%(points)s of your %(available)s points at %(shop_name)s can be spent until %(day)s and expire after that day.",
        notice.points,
    )
    return Told(
        notice.wallet.member.language, subject % words, text % words, short=gettext("See what they buy."),
        path=f"{PAGE}rewards/", act=gettext("See what my points buy"),
        no_more=gettext("No more notices about my points by e-mail"),
    )  # fmt: skip
