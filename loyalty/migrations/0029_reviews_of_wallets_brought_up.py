"""A wallet is brought up to date before its points are held for review or a review is decided."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0028_offers_have_budgets")]

    operations = [InstallFunctions("loyalty", "reviews.sql")]
