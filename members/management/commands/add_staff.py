"""`manage.py add_staff kim@example.com --role cashier --store S1`: the first administrator, and anybody after."""

import getpass

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from members import operations
from members.models import User
from members.roles import Role


class Command(BaseCommand):
    help = "Make a staff account, or give an existing one these roles and stores. Asks for the password; empty: set by e-mail."

    def add_arguments(self, parser):
        parser.add_argument("email")
        parser.add_argument(
            "--role", action="append", choices=Role.values, default=[], help="May be given several times."
        )
        parser.add_argument("--store", action="append", default=[], help="Code of a store they work at.")
        parser.add_argument("--name", default="", help="Given name and family name.")
        parser.add_argument("--no-password", action="store_true", help="They set one through “Forgot your password?”.")

    def handle(self, *args, **options):
        given_name, _blank, family_name = options["name"].partition(" ")
        password = (
            None
            if options["no_password"]
            else getpass.getpass("Password (at least 12 characters, empty for none): ") or None
        )
        stores = User._meta.get_field("stores").related_model.objects.filter(code__in=options["store"])
        unknown = set(options["store"]) - {store.code for store in stores}
        if unknown:
            raise CommandError(f"No such store: {', '.join(sorted(unknown))}. Create it first, or check the code.")
        try:
            with transaction.atomic():
                user = operations.add_staff(
                    email=options["email"],
                    roles=options["role"],
                    given_name=given_name,
                    family_name=family_name,
                    password=password,
                )
                user.stores.add(*stores)
        except ValueError as reason:
            raise CommandError(str(reason)) from None
        self.stdout.write(f"{user.email} may sign in as {', '.join(options['role']) or 'nobody yet'} at /staff/login/.")
