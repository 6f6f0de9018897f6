"""Install the functions of rewards, vouchers, gift cards and tender; expiry by inactivity, notices, reinstatement."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0021_budgets_of_entitlements")]

    operations = [
        InstallFunctions("loyalty", "acts.sql", "entitlements.sql", "jobs.sql", "refund.sql"),
        InstallFunctions("loyalty", "rewards.sql", is_first=True),
    ]
