"""Let a purchase after too long a pause find the points expired, whether or not the job has run."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0026_award_from_variables")]

    operations = [InstallFunctions("loyalty", "record_purchases.sql", "refund.sql", "rewards.sql")]
