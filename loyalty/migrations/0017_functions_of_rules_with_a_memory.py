"""The functions of rules with a memory, budgets and pending points."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0016_rules_with_a_memory")]

    operations = [
        InstallFunctions("loyalty", "wallets.sql"),
        InstallFunctions("loyalty", "pending.sql", "budgets.sql", "state_rules.sql", is_first=True),
    ]
