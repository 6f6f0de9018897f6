"""Points between wallets: gifts, households that pool, members merged and taken apart."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0029_reviews_of_wallets_brought_up")]

    operations = [
        InstallFunctions("loyalty", "wallets.sql", "tiers.sql", "record_purchases.sql", "refund.sql", "jobs.sql"),
        InstallFunctions("loyalty", "sharing.sql", "merging.sql", "issuing.sql", is_first=True),
    ]
