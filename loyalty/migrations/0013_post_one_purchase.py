"""Let a checkout and a refund store their one receipt without arrays."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0012_tiers_by_rank"), ("sales", "0003_store_one_purchase")]

    operations = [InstallFunctions("loyalty", "record_purchases.sql", "refund.sql")]
