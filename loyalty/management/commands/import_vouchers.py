"""`manage.py import_vouchers FILE --control-codes N --control-value USD=AMOUNT`: codes of another system. See docs/formats.md."""

from argparse import ArgumentTypeError
from decimal import Decimal, InvalidOperation
from pathlib import Path

from babel.numbers import get_currency_precision, list_currencies
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from loyalty.old_codes import Control, Outcome, import_vouchers
from loyalty.sentences import money
from members.clock import now
from members.importing.told import at_terminal

SOURCE_MAX = 60


def _value(text: str) -> tuple[str, int]:
    """`USD=4500.00` as a currency and minor units."""
    currency, _equals, amount = text.partition("=")
    currency = currency.strip().upper()
    try:
        minor = Decimal(amount.strip().replace(",", "")).scaleb(get_currency_precision(currency))
    except InvalidOperation:
        minor = Decimal(-1)
    if currency not in list_currencies() or minor < 0 or minor != minor.to_integral_value():
        raise ArgumentTypeError(_("Write a currency and an amount, like USD=4500.00."))
    return currency, int(minor)


def _codes(text: str) -> tuple[str, int]:
    """`Free coffee=300` as the name of a reward and a number of codes."""
    name, equals, count = text.rpartition("=")
    if not equals or not count.strip().isdecimal():
        raise ArgumentTypeError(_("Write the name of a reward and how many codes it has, like “Free coffee=300”."))
    return name.strip(), int(count)


class Command(BaseCommand):
    help = "Bring vouchers and gift cards of another system in from CSV (.gz too) or Parquet: all of them, or none if the totals differ."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--control-codes", type=int, required=True, metavar="N", help="How many codes the old system counted."
        )
        parser.add_argument(
            "--control-value", type=_value, action="append", default=[], metavar="USD=AMOUNT",
            help="What its unused vouchers and gift cards that are worth money came to; once for each currency of the file.",
        )  # fmt: skip
        parser.add_argument(
            "--control-reward", type=_codes, action="append", default=[], metavar="NAME=N",
            help="How many codes a reward has; as often as you like.",
        )  # fmt: skip
        parser.add_argument(
            "--rejects", type=Path, help="Where to write rows that cannot be brought in, with reason and remedy (CSV)."
        )
        parser.add_argument(
            "--source",
            default="opening",
            help="The name of the old system; a second import from it is the same import.",
        )

    def handle(self, *, file, control_codes, control_value, control_reward, rejects, source, verbosity, **_options):
        if not 0 < len(source) <= SOURCE_MAX:
            raise CommandError(_("The name of the old system has 1 to %(most)s letters.") % {"most": SOURCE_MAX})
        control = Control(control_codes, dict(control_value), dict(control_reward))
        with at_terminal(rejects) as told:
            done = import_vouchers(file, control=control, source=source, at=now(), rejects=told)
        if verbosity:
            self._tell(done)

    def _tell(self, done: Outcome):
        self.stdout.write(
            _("%(codes)s codes: %(brought)s brought in now, %(known)s known before. %(owned)s belong to members, %(used)s are used, %(over)s ran out unused; %(cards)s are gift cards.")
            % {name: f"{count:,}" for name, count in {**vars(done), "codes": done.codes.total()}.items() if name != "values"}
        )  # fmt: skip
        for words, count in sorted(done.codes.items()):
            self.stdout.write(f"  {words}: {count:,}")
        for currency, minor in sorted(done.values.items()):
            self.stdout.write(_("  Not used yet: %(money)s") % {"money": money(minor, currency)})
