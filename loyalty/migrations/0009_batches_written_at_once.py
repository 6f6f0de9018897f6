"""The posting function writes a batch's transfers and awards in one statement each."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0008_drafts_of_rule_sets_and_what_ifs")]

    operations = [InstallFunctions("loyalty", "record_purchases.sql")]
