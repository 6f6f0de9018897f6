"""Let offers take from the budgets that rules take from."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0027_posting_ends_idle_points")]

    operations = [InstallFunctions("loyalty", "refund.sql", "rewards.sql")]
