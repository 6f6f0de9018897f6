"""Let databases whose posting function was made before post by index, row for row, as loyalty/sql says since."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0004_default_programme")]

    operations = [
        migrations.RunSQL(
            [
                "ALTER FUNCTION loyalty_record_purchases SET enable_hashjoin = off",
                "ALTER FUNCTION loyalty_record_purchases SET enable_mergejoin = off",
            ],
            migrations.RunSQL.noop,
        )
    ]
