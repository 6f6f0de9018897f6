"""A checkout looks for a day of the year that was paid for by the wallet. See docs/decisions/0420."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0046_codes_of_another_system")]

    operations = [InstallFunctions("loyalty", "counting.sql", "record_purchase.sql")]
