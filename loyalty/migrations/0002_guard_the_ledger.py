"""Triggers that refuse to change what was written, and room on the pages of wallets."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0001_initial")]

    operations = [
        migrations.RunSQL(
            (SQL / "guard.sql").read_text(),
            "DROP FUNCTION loyalty_refuse_change CASCADE; ALTER TABLE loyalty_wallet RESET (fillfactor)",
        )
    ]
