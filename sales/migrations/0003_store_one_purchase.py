"""Install `sales_store_purchase`, which stores one purchase with nothing to unpack."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("sales", "0002_store_purchases")]

    operations = [InstallFunctions("sales", "store_purchases.sql")]
