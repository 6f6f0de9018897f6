import shutil
import signal
import time

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection

from demo import story
from demo.processes import Processes, check_port
from demo.roles import ROLES

DISK_BYTES = 2_500_000_000
TOUR = """Tour: award $24.60 as cashier → see it explained in the portal → refund it at the desk → preview the e-mail as that
member → launch the ready second campaign → read it in the inbox → its report."""


class Command(BaseCommand):
    help = "Make the demo on a year of real purchases (once), then serve it until Ctrl-C."

    def add_arguments(self, parser):
        parser.add_argument("--no-serve", action="store_true", help="Make the demo and stop.")

    def handle(self, *args, **options):
        if not settings.DEMO:
            raise CommandError("The demo runs in its own mode: use `make demo`, or set REGULARS_MODE=demo.")
        processes = Processes(settings.VAR / "demo")
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            self._prepare(processes)
            self._start_background(processes)
            story.tell(story.CHAPTERS, self.stdout.write)
            if not options["no_serve"]:
                self._serve(processes)
        except (RuntimeError, OperationalError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stdout.write("\nStopping …")
        finally:
            processes.stop()
            connection.close()

    def _prepare(self, processes):
        free = shutil.disk_usage(settings.BASE_DIR).free
        is_new = not (settings.VAR / "demo").exists()
        if is_new:
            self.stdout.write(
                "Making the demo: about 4 minutes on two cores, once, and 2.5 GB of disk under var/. Nothing leaves this machine."
            )
            if free < DISK_BYTES:
                raise CommandError(
                    f"Only {free / 1e9:.1f} GB are free, and the demo needs {DISK_BYTES / 1e9:.1f} GB. Free some space, or set "
                    "REGULARS_VAR to a folder on another disk."
                )
        processes.clear_left_overs()
        for port, what, variable in (
            (settings.DEMO_PORT, "the pages", "DEMO_PORT"),
            (settings.DEMO_SMTP_PORT, "the recording mail server", "DEMO_SMTP_PORT"),
            (settings.DEMO_PUSH_PORT, "the push service", "DEMO_PUSH_PORT"),
        ):
            check_port(port, what=what, variable=variable)
        if is_new:
            self.stdout.write("Preparing the database …")
        call_command("migrate", verbosity=0)

    def _start_background(self, processes):
        processes.start("outside", "manage.py", "demo_outside")
        celery = ("-m", "celery", "--app", "config.celery", "--quiet")
        processes.start(
            "worker", *celery, "worker", "--concurrency", "2", "--queues", "default,campaigns,journeys,delivery", "--loglevel", "WARNING",
            "--without-gossip", "--without-mingle",
        )  # fmt: skip
        processes.start(
            "beat", *celery, "beat", "--loglevel", "WARNING", "--schedule", str(settings.VAR / "demo" / "beat"), "--pidfile=",
        )  # fmt: skip
        processes.wait_for_port("outside", settings.DEMO_SMTP_PORT)
        processes.wait_for_port("outside", settings.DEMO_PUSH_PORT)

    def _serve(self, processes):
        processes.start(
            "web", "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(settings.DEMO_PORT),
            "--workers", "1", "--blocking-threads", "4", "--no-ws", "--log-level", "warning", "config.wsgi:application",
        )  # fmt: skip
        processes.wait_for_port("web", settings.DEMO_PORT)
        self._print_table()
        while True:
            processes.check()
            time.sleep(1)

    def _print_table(self):
        base = settings.SITE_URL
        rows = [(str(role.name), f"{base}{role.home}", str(role.does)) for role in ROLES]
        rows += [("Inbox", f"{base}/inbox/", "Every e-mail and push that was sent.")]
        width = max(len(url) for _name, url, _does in rows)
        self.stdout.write(f"\nLarkfield Market is open at {base}/ – one click signs you in as anybody.\n")
        for name, url, does in rows:
            self.stdout.write(f"  {name:10}  {url:{width}}  {does}")
        self.stdout.write(
            f"\n{TOUR}\n\nCtrl-C stops everything; `make demo` opens it again in seconds; `make clean` removes it."
        )


def _interrupt(_signal, _frame):
    raise KeyboardInterrupt
