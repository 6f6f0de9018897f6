"""A checkout reads every row by its key, whatever the tables held when its plan was made. See docs/decisions/0420."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0046_codes_of_another_system")]

    operations = [InstallFunctions("loyalty", "counting.sql", "record_purchase.sql")]
