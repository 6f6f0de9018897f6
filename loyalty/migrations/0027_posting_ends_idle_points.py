"""The posting function lets idle points go before it awards."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0026_award_from_variables")]

    operations = [InstallFunctions("loyalty", "record_purchases.sql")]
