"""Install `sales_store_purchases`, through which every purchase is stored."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql" / "store_purchases.sql"


class Migration(migrations.Migration):
    dependencies = [("sales", "0001_initial")]

    operations = [migrations.RunSQL(SQL.read_text(), "DROP FUNCTION sales_store_purchases")]
