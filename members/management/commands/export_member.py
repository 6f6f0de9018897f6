"""`manage.py export_member ID FILE`: everything stored about one member, as a ZIP to hand to them."""

from pathlib import Path
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from members import personal_data
from members.models import Member


class Command(BaseCommand):
    help = "Write everything stored about one member into a ZIP: a page to read, JSON, and CSV."

    def add_arguments(self, parser):
        parser.add_argument("member", type=UUID, help="The member's public id.")
        parser.add_argument("file", type=Path)

    def handle(self, *, member, file, **_options):
        found = Member.objects.filter(public_id=member).first()
        if found is None:
            raise CommandError(_("No member has the id %(id)s.") % {"id": member})
        file.write_bytes(personal_data.archive(found, at=timezone.now()))
        self.stdout.write(str(file))
