"""The ordinary award asks less before it writes, and writes less: what was said of a purchase is hashed once, with the purchase."""

from django.db import migrations, models

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0041_a_budget_running_dry_blocks_nobody")]

    operations = [
        migrations.AlterField(
            model_name="transfer",
            name="body_hash",
            field=models.BinaryField(
                help_text="Of what the act said; empty for an award, whose purchase has it.", max_length=16
            ),
        ),
        InstallFunctions("loyalty", "deciding.sql", "record_purchases.sql", "record_purchase.sql"),
    ]
