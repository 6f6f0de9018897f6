"""Vouchers and gift cards of another system: known by where they came from, and never handed out to anybody else."""

from django.db import migrations, models

from config.db.functions import InstallFunctions

SYSTEM = {"blank": True, "db_default": "", "default": "", "editable": False, "max_length": 60}


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0045_only_rules_that_give_are_settled")]

    operations = [
        migrations.AddField(
            model_name="giftcard",
            name="brought_from",
            field=models.CharField(help_text="The system that sold it, if not this one.", **SYSTEM),
        ),
        migrations.AddField(
            model_name="voucherpool",
            name="brought_from",
            field=models.CharField(
                help_text="The system whose codes these are, in people's hands already: they are never handed out.", **SYSTEM
            ),
        ),
        InstallFunctions("loyalty", "rewards.sql"),
    ]
