"""Partners bear what rewards cost, and no longer when they come back; a helper for acts under a client's name."""

from django.db import migrations, models

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):

    dependencies = [
        ('loyalty', '0032_rules_for_tiers_and_days_of_the_year'),
    ]

    operations = [
        migrations.AlterField(
            model_name='funding',
            name='kind',
            field=models.CharField(choices=[('issued', 'Points given'), ('redeemed', 'Points spent'), ('returned', 'Reward taken back')], max_length=10),
        ),
        InstallFunctions("loyalty", "acts.sql", "holds.sql", "rewards.sql"),
    ]
