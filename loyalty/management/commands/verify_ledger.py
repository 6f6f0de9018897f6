"""Prove the ledger's promises, or name the rows that break them."""

import time

from django.core.management.base import BaseCommand, CommandError

from loyalty import sealing, verifying


class Command(BaseCommand):
    help = (
        "Check every promise of the ledger against the database. Exits 1 and names the rows when one is broken. "
        "--chain checks only the chain of sealed days and prints its head."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--sample", type=int, metavar="N", help="check N wallets drawn at random instead of all")
        parser.add_argument("--chain", action="store_true", help="check only that sealed days are as they were sealed")
        parser.add_argument(
            "--head", default="", metavar="DIGEST", help="a head noted earlier: it must be in the chain"
        )

    def handle(self, *args, sample=None, chain=False, head="", **options):
        if chain or head:
            self._check_chain(head)
            return
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

    def _check_chain(self, noted: str):
        newest = sealing.head()
        if newest is None:
            self.stdout.write("No day is sealed yet. Days are sealed an hour after they end (UTC).")
            if noted:
                raise CommandError("The noted head is not in the chain: there is no chain.")
            return
        broken = 0
        for found in sealing.check_chain():
            broken += 1
            self.stdout.write(f"{self.style.ERROR('BROKEN')} {found}")
        self.stdout.write(f"Head of the chain, {newest[0]}: {newest[1]}")
        if noted and not sealing.is_known_head(noted):
            raise CommandError("The noted head is not in the chain: it was written anew since you noted it.")
        if broken:
            raise CommandError(
                f"{broken} sealed days are not what they were. Keep the database as it is and compare a backup."
            )
        self.stdout.write("Every sealed day is as it was sealed. Note the head outside this database.")
