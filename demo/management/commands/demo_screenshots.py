from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from campaigns.models import Campaign
from demo import queries
from demo.roles import BY_CODE

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 860}


class Command(BaseCommand):
    help = "Photograph one page per role of the running demo for the README (docs/images/)."

    def add_arguments(self, parser):
        parser.add_argument("--folder", type=Path, default=settings.BASE_DIR / "docs" / "images")
        parser.add_argument("--language", default="en", choices=[code for code, _name in settings.LANGUAGES])

    def handle(self, *, folder, language, **options):
        if not settings.DEMO:
            raise CommandError("Run it beside the demo, with REGULARS_MODE=demo.")
        from playwright.sync_api import sync_playwright  # late: only this command needs a browser

        from tests.browser import FLAGS, find

        folder.mkdir(parents=True, exist_ok=True)
        pages = self._pages()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
            for role, (address, size) in pages.items():
                page = browser.new_context(viewport=size, locale=language, device_scale_factor=1).new_page()
                page.goto(f"{settings.SITE_URL}/")
                if role in BY_CODE:
                    page.click(f'form[action="{BY_CODE[role].sign_in_url}"] button[type=submit]')
                page.goto(f"{settings.SITE_URL}{address}", wait_until="networkidle")
                page.screenshot(path=folder / f"{role}.png")
                self.stdout.write(f"{role}: {address}")
            browser.close()

    def _pages(self):
        member = queries.featured()["near_tier"]["public_id"]
        sent = Campaign.objects.filter(kind=Campaign.Kind.ORDINARY).latest("pk")
        return {
            "home": ("/", DESK),
            "marketer": (reverse("cms_campaign", args=[sent.pk]), DESK),
            "member": (reverse("portal:home"), PHONE),
            "cashier": (reverse("pos:member", args=[member]), DESK),
            "service": (reverse("desk:ledger", args=[member]), DESK),
            "analyst": (reverse("reports:campaign", args=[queries.fact("rehearsal")]), DESK),
            "developer": (BY_CODE["developer"].home, DESK),
        }
