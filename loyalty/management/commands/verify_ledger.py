"""Prove the ledger's promises, or name the rows that break them."""

import time

from django.core.management.base import BaseCommand, CommandError

from loyalty import verifying


class Command(BaseCommand):
    help = "Check every promise of the ledger against the database. Exits 1 and names the rows when one is broken."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--sample", type=int, metavar="N", help="check N wallets drawn at random instead of all")

    def handle(self, *args, sample=None, **options):
        wallet_ids = verifying.sample(sample) if sample else None
        begun, broken = time.monotonic(), 0
        for finding in verifying.verify(wallet_ids=wallet_ids):
            broken += bool(finding.breaches)
            mark = self.style.ERROR("BROKEN") if finding.breaches else self.style.SUCCESS("holds ")
            self.stdout.write(f"{mark} {finding.promise.code:3} {finding.promise.words}")
            for breach in finding.breaches:
                self.stdout.write(f"           {breach}")
            if finding.more:
                self.stdout.write("           … and more")
        scope = f"{len(wallet_ids)} wallets" if wallet_ids is not None else "the whole ledger"
        self.stdout.write(f"Checked {scope} in {time.monotonic() - begun:.1f} s.")
        if broken:
            raise CommandError(
                f"{broken} of the ledger's promises are broken. Stop spending on the wallets named above, "
                "keep the database as it is, and find the cause before any correction."
            )
