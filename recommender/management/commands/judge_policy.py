"""A policy of choosing, held against what was logged; tried on a part of the members, promoted, or all taken back."""

from django.core.management.base import BaseCommand, CommandError

from members import clock
from recommender import operations
from recommender.models import PolicyVersion

KINDS = PolicyVersion.Kind.values


class Command(BaseCommand):
    help = "Judge a policy by off-policy estimates; --try or --promote a version that was judged; --retire goes back to the default."

    def add_arguments(self, parser):
        parser.add_argument("--kind", choices=KINDS, default="thompson")
        parser.add_argument(
            "--try", dest="tried", type=int, metavar="VERSION", help="let it decide for --share of members"
        )
        parser.add_argument("--share", type=float, default=0.5)
        parser.add_argument("--promote", type=int, metavar="VERSION", help="let it decide for everybody")
        parser.add_argument("--retire", action="store_true")

    def handle(self, *, kind, tried, share, promote, retire, **options):
        at = clock.now()
        try:
            if retire:
                self.stdout.write(f"{operations.retire_policies(at=at)} policies retired; the default decides.")
            elif tried:
                version = operations.try_policy(version=self._version(tried), share=share, at=at)
                self.stdout.write(f"{version} decides for {share:.0%} of members.")
            elif promote:
                self.stdout.write(
                    f"{operations.promote_policy(version=self._version(promote), at=at)} decides for everybody."
                )
            else:
                self._judge(kind, at)
        except operations.CannotPromote as error:
            raise CommandError(str(error)) from error

    def _version(self, pk: int) -> PolicyVersion:
        version = PolicyVersion.objects.filter(pk=pk).first()
        if version is None:
            raise CommandError(f"There is no policy {pk}. Judge one first: manage.py judge_policy.")
        return version

    def _judge(self, kind: str, at):
        version, gate = operations.propose_policy(kind=kind, at=at)
        for name, one in version.metrics["estimates"].items():
            self.stdout.write(
                f"{name:6} {one['value']:10.2f} ({one['low']:.2f} to {one['high']:.2f}), {one['effective']:,.0f} effective"
            )
        self.stdout.write(
            f"version {version.pk}: {version.metrics['exposures']:,} exposures, gain {gate.gain:.2f} (at least {gate.low:.2f}); "
            f"gate {'open' if gate.is_open else 'shut'}: {gate.reason}"
        )
