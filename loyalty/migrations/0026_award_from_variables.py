"""The posting function writes a checkout's award straight from its variables."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0025_rules_under_trial")]

    operations = [InstallFunctions("loyalty", "record_purchases.sql")]
