"""An award writes less to the log: what is as in most awards is left empty, and pages of wallets are tidied a few awards at a time.

All of it changes the catalogue only: no row is rewritten, rows written before keep what they say. See docs/decisions/0390.
"""

import django.db.models.deletion
from django.db import migrations, models

from config.db.functions import InstallFunctions

# A new wallet takes the place of a grown one, until its first award; so pages are left with room when they count as full.
ROOM = """
ALTER TABLE loyalty_wallet ADD COLUMN room text;
ALTER TABLE loyalty_wallet ALTER COLUMN room SET DEFAULT repeat(' ', 256);
ALTER TABLE loyalty_wallet SET (fillfactor = 90);
"""
NO_ROOM = """
ALTER TABLE loyalty_wallet DROP COLUMN room;
ALTER TABLE loyalty_wallet SET (fillfactor = 60);
"""


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0042_a_checkout_asks_less")]

    operations = [
        migrations.AlterField(
            model_name="award",
            name="debt_paid",
            field=models.BigIntegerField(blank=True, help_text="Empty: nothing was owed.", null=True),
        ),
        migrations.AlterField(
            model_name="award",
            name="available_after",
            field=models.BigIntegerField(blank=True, help_text="Empty: as its one transfer says.", null=True),
        ),
        migrations.AlterField(
            model_name="award",
            name="tier_after",
            field=models.ForeignKey(
                blank=True, db_constraint=False, db_index=False, help_text="Empty: the same.", null=True,
                on_delete=django.db.models.deletion.DO_NOTHING, related_name="+", to="loyalty.tier",
            ),
        ),
        migrations.AlterField(
            model_name="award",
            name="inputs",
            field=models.JSONField(
                blank=True, help_text="What else the rules looked at (see loyalty/earning/); empty: nothing.", null=True
            ),
        ),
        migrations.RunSQL(ROOM, NO_ROOM),
        InstallFunctions("loyalty", "wallets.sql", "record_purchases.sql", "record_purchase.sql"),
    ]  # fmt: skip
