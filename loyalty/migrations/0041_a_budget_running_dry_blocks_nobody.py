"""Many tills that take the last of a budget at once no longer block each other."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0040_rules_follow_a_merge")]

    operations = [InstallFunctions("loyalty", "budgets.sql")]
