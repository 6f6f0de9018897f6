"""The function by which the serving role brings the planner's statistics up to date."""

from django.db import migrations

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("members", "0005_erasures")]

    operations = [InstallFunctions("members", "statistics.sql", is_first=True)]
