"""Tiers by tier credits and over years; rules for some tiers and around a day of the year; a second person who publishes."""

from django.db import migrations, models

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):

    dependencies = [
        ('loyalty', '0031_members_confirm_large_spending'),
    ]

    operations = [
        migrations.CreateModel(
            name='RulePolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('approver_differs', models.BooleanField(default=False, help_text='Who publishes a draft is somebody else than who submitted it.')),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='tier',
            name='a_window_is_a_year_at_most',
        ),
        migrations.AddField(
            model_name='tier',
            name='credits_from',
            field=models.PositiveIntegerField(db_default=0, default=0, help_text='Tier credits that rules gave inside the window.'),
        ),
        migrations.AlterField(
            model_name='tier',
            name='window_months',
            field=models.PositiveSmallIntegerField(default=12, help_text='Months of a rolling window, 1 to 60.'),
        ),
        migrations.AddIndex(
            model_name='rulestate',
            index=models.Index(condition=models.Q(('locked__isnull', False)), fields=['term', 'period'], name='loyalty_occasions_kept'),
        ),
        migrations.AddConstraint(
            model_name='tier',
            constraint=models.CheckConstraint(condition=models.Q(('window_months__gte', 1), ('window_months__lte', 60)), name='a_window_is_five_years_at_most'),
        ),
        migrations.AddConstraint(
            model_name='rulepolicy',
            constraint=models.CheckConstraint(condition=models.Q(('pk', 1)), name='there_is_one_rule_policy'),
        ),
        InstallFunctions("loyalty", "tiers.sql", "state_rules.sql"),
        InstallFunctions("loyalty", "limited_rules.sql", "member_events.sql", is_first=True),
    ]
