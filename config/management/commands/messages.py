from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import messages


def our_apps() -> list[Path]:
    """The folders of our own apps."""
    return sorted(Path(c.path) for c in apps.get_app_configs() if Path(c.path).parent == settings.BASE_DIR)


class Command(BaseCommand):
    help = "Extract every app's words into its Chinese catalogue; --check names what is missing, --compile makes it usable."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("apps", nargs="*", help="Names of apps; all of ours when none is given.")
        parser.add_argument("--check", action="store_true")
        parser.add_argument("--compile", action="store_true")

    def handle(self, *args, **options):
        chosen = [app for app in our_apps() if not options["apps"] or app.name in options["apps"]]
        if options["check"]:
            wrong = [trouble for app in chosen for trouble in messages.troubles(app)]
            wrong += messages.clashes(our_apps())
            if wrong:
                raise CommandError("\n".join(wrong))
            return
        for app in chosen:
            if not options["compile"]:
                messages.update(app)
            messages.compile_(app)
