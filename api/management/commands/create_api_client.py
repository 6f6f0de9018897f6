"""`manage.py create_api_client NAME`: a token for a till, a web shop or a partner, shown once."""

from django.core.management.base import BaseCommand, CommandError

from api.models import ApiClient
from api.operations import UnknownScope, create_client


class Command(BaseCommand):
    help = "Create an API client, or give an existing one a new token, and print the token once."

    def add_arguments(self, parser):
        parser.add_argument("name", help="What the client is called; also the name of its receipts' source.")
        parser.add_argument("--source", default="", help="The code its receipts are unique under. Default: api:NAME.")
        parser.add_argument(
            "--scope", action="append", dest="scopes", metavar="SCOPE",
            help=f"May be repeated. Default: all of {', '.join(ApiClient.Scope.values)}.",
        )  # fmt: skip

    def handle(self, *, name, source, scopes, **_options):
        try:
            _client, token = create_client(name=name, source=source, scopes=scopes or ApiClient.Scope.values)
        except UnknownScope as reason:
            raise CommandError(str(reason)) from reason
        self.stdout.write(token)
