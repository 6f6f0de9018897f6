"""A checkout reads every row by its key, whatever the tables held when its plan was made. See docs/decisions/0420."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0045_only_rules_that_give_are_settled")]

    operations = [InstallFunctions("loyalty", "counting.sql", "record_purchase.sql")]
