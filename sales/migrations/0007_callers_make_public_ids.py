"""A caller of sales_store_purchase may bring the purchase's public id."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("sales", "0006_promises_are_checked_once")]

    operations = [InstallFunctions("sales", "store_purchases.sql")]
