"""The posting function and refunds ask rules with a memory."""

from django.db import migrations, models

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0023_promises_are_checked_once"), ("sales", "0005_tags_of_products")]

    operations = [
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(
                condition=models.Q(("purchase__isnull", False)), fields=["purchase"], name="loyalty_grants_of_sale"
            ),
        ),
        migrations.RunSQL("DROP FUNCTION IF EXISTS loyalty_return_budgets(loyalty_wallet, jsonb, bigint, bigint, date)", migrations.RunSQL.noop),
        InstallFunctions("loyalty", "record_purchases.sql", "budgets.sql", "state_rules.sql", "refund.sql"),
    ]
