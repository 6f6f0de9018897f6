"""No two tiers share a place; the functions of tiers stand in a file of their own."""

from django.db import migrations, models

import loyalty.models
from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0011_ranks_of_tiers")]

    operations = [
        migrations.AlterField(
            model_name="tier",
            name="rank",
            field=models.PositiveSmallIntegerField(
                default=loyalty.models.next_rank, help_text="Its place on the ladder; the lowest is everybody's.", unique=True
            ),
        ),
        InstallFunctions("loyalty", "wallets.sql", "tiers.sql", "jobs.sql"),
    ]
