"""A checkout settles only those rules that give something; the others it counts together. See docs/decisions/0400."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0044_pages_of_wallets_keep_more_room")]

    operations = [
        migrations.RunSQL("DROP FUNCTION IF EXISTS loyalty_only_counts", migrations.RunSQL.noop),  # now loyalty_ask_rules
        InstallFunctions("loyalty", "budgets.sql", "limited_rules.sql", "state_rules.sql", "counting.sql", "record_purchase.sql"),
    ]
