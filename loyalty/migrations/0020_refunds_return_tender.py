"""Let refunds give back what paid for a purchase, spare what expired, and treat debts by policy."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0019_a_point_is_a_cent")]

    operations = [InstallFunctions("loyalty", "acts.sql", "refund.sql")]
