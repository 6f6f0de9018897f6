"""Rules with a memory that give nothing this time are written in one statement for all of them."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0036_words_beside_points_lie_apart")]

    operations = [InstallFunctions("loyalty", "state_rules.sql", "limited_rules.sql")]
