"""What if these rules had been in force? A stretch of real history, replayed without a write to the ledger."""

import json
from datetime import date
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from tqdm import tqdm

from loyalty import operations
from loyalty.authoring.models import RuleDraft
from loyalty.earning import InvalidRuleSet
from loyalty.models import RuleSet, Tier
from members import clock
from sales.models import Store


class Command(BaseCommand):
    help = _("Replay real history under other rules and compare points, cost, liability, tiers and members.")

    def add_arguments(self, parser):
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--draft", help=_("The draft's number, or a file with a rule set in JSON."))
        which.add_argument(
            "--version-number", type=int, dest="published", help=_("A published version, to check the replay.")
        )
        parser.add_argument(
            "--from", dest="since", type=date.fromisoformat, required=True, help=_("First day, such as 2026-01-01.")
        )
        parser.add_argument("--until", type=date.fromisoformat, required=True, help=_("Last day."))
        parser.add_argument("--stores", default="", help=_("Codes of stores, separated by commas; empty: every store."))
        parser.add_argument("--json", action="store_true", help=_("Print the whole result as JSON."))

    def handle(self, *, draft, published, since, until, stores, **options):
        codes = [code for code in stores.split(",") if code]
        if unknown := set(codes) - set(Store.objects.filter(code__in=codes).values_list("code", flat=True)):
            raise CommandError(_("No store is called %(codes)s.") % {"codes": ", ".join(sorted(unknown))})
        try:
            about = {"rule_set": RuleSet.objects.get(version=published)} if published else {"draft": self._draft(draft)}
            asked = operations.ask_what_if(since=since, until=until, at=clock.now(), store_codes=codes, **about)
        except (RuleSet.DoesNotExist, RuleDraft.DoesNotExist, operations.CannotSimulate, InvalidRuleSet) as reason:
            raise CommandError(str(reason)) from None
        with tqdm(unit=" purchases", disable=options["json"]) as bar:
            done = operations.run_what_if(simulation_id=asked.pk, at=clock.now(), done=_moves(bar))
        if done.error:
            raise CommandError(done.error)
        self.stdout.write(json.dumps(done.result, indent=1) if options["json"] else "\n".join(lines(done)))

    def _draft(self, text: str) -> RuleDraft:
        """A draft by its number; a file becomes a draft of its name."""
        if text.isdecimal():
            return RuleDraft.objects.get(pk=int(text))
        try:
            definition = json.loads(Path(text).read_text())
        except (OSError, ValueError) as reason:
            raise CommandError(_("%(file)s cannot be read: %(why)s") % {"file": text, "why": reason}) from None
        return operations.create_draft(name=Path(text).stem, definition=definition, by_user_id=None, at=clock.now())


def _moves(bar):
    def move(done: int, total: int):
        bar.total = total
        bar.update(done - bar.n)

    return move


def lines(done) -> list[str]:
    """The result as a table for a terminal."""
    found, said = (
        done.result,
        [_("%(since)s to %(until)s: really → under the draft") % {"since": done.since, "until": done.until}],
    )
    words = {
        "issued": _("Points issued"), "taken_back": _("Points taken back"), "redeemed": _("Points spent"),
        "expired": _("Points expired"), "outstanding": _("Points outstanding at the end"), "debt": _("Points owed at the end"),
    }  # fmt: skip
    said += [f"  {words[name]}: {found['points'][name][0]:,} → {found['points'][name][1]:,}" for name in words]
    if found["money"]:
        currency = found["worth"]["currency"]
        for name, word in (("cost_minor", _("Cost of points earned")), ("liability_minor", _("Liability at the end"))):
            was, would = found["money"][name]
            said.append(f"  {word}, {currency}: {was / 100:,.2f} → {would / 100:,.2f}")
    names = {tier.code: tier.name for tier in Tier.objects.all()}
    said.append("  " + _("Members by tier, really in rows, under the draft in columns:"))
    said.append(
        "    " + " ".join(f"{names[code]:>12}" for code in ["", *found["tiers"]["codes"]] if code in names).rjust(13)
    )
    said += [
        f"    {names[code]:<12}" + "".join(f"{n:>13,}" for n in row)
        for code, row in zip(found["tiers"]["codes"], found["tiers"]["matrix"], strict=True)
    ]
    members, replayed = found["members"], found["replayed"]
    said.append(
        "  "
        + _("Members with more points: %(more)s; with fewer: %(fewer)s; the same: %(same)s")
        % {"more": members["better"], "fewer": members["worse"], "same": members["same"]}
    )
    said.append(
        "  " + _("%(n)s purchases and refunds replayed in %(seconds)s s, %(rate)s a minute")
        % {
            "n": f"{replayed['purchases'] + replayed['refunds']:,}", "seconds": replayed["seconds"],
            "rate": f"{replayed['per_minute']:,}",
        }
    )  # fmt: skip
    return said
