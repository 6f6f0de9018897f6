from django.core.management.base import BaseCommand

from demo import outside


class Command(BaseCommand):
    help = "Run the demo's recording mail server and push service until told to end."

    def handle(self, *args, **options):
        outside.run()
