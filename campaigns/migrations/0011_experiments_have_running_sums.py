"""Tables for running sums of large experiments; with room on each page, because every purchase that is folded in changes a row."""

import campaigns.tallies.models
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0010_early_warnings_and_interventions'),
        ('experiments', '0003_standing_control_groups'),
        ('members', '0014_pairs_that_are_probably_one_person'),
    ]

    operations = [
        migrations.CreateModel(
            name='TallyMark',
            fields=[
                ('experiment', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='experiments.experiment')),
                ('begin', models.DateTimeField()),
                ('assignment_id_max', models.BigIntegerField()),
                ('purchase_id', models.BigIntegerField()),
                ('posted_until', models.DateTimeField()),
                ('newest_at', models.DateTimeField(help_text='The latest purchase or movement folded in.', null=True)),
                ('next_purchase_id', models.BigIntegerField()),
                ('next_posted_until', models.DateTimeField()),
                ('settles_at', models.BigIntegerField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Tally',
            fields=[
                ('assignment', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='experiments.assignment')),
                ('before_minor', models.BigIntegerField(help_text='Spent in the days before, as the baseline says.')),
                ('orders_before', models.IntegerField()),
                ('visits_before', models.IntegerField()),
                ('spend_minor', models.BigIntegerField()),
                ('orders', models.IntegerField()),
                ('days', campaigns.tallies.models.DaySet()),
                ('points_earned', models.BigIntegerField()),
                ('points_spent', models.BigIntegerField()),
                ('arm', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='experiments.arm')),
                ('experiment', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='experiments.experiment')),
                ('member', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='members.member')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('experiment', 'member'), name='one_tally_for_one_member')],
            },
        ),
        migrations.RunSQL(
            "ALTER TABLE campaigns_tally SET (fillfactor = 80)", "ALTER TABLE campaigns_tally RESET (fillfactor)"
        ),
    ]
