"""A gift gives what can be spent; what went on in a chain of merges; a refund of points that had waited finds their lot."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0033_one_helper_for_named_acts")]

    operations = [InstallFunctions("loyalty", "sharing.sql", "merging.sql", "refund.sql")]
