"""The posting function writes a batch's transfers and awards in one statement each."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0005_posting_by_index")]

    operations = [InstallFunctions("loyalty", "record_purchases.sql")]
