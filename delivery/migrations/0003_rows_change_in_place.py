"""Claiming and attempting a message write its small row beside the old version and touch no index; its values stay put.

Fill factor 45: room on the page for the two versions before the last. Values lie outside the row, uncompressed, so that
changing the state does not copy them. Rewrites the table once.
"""

import django.contrib.postgres.fields
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('delivery', '0002_channel_policies'),
        ('members', '0006_statistics_on_demand'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Claim',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('worker', models.CharField(max_length=80)),
                ('lease_until', models.DateTimeField(db_index=True, help_text="Real time, by the database's clock.")),
                ('message_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
            ],
        ),
        migrations.RemoveIndex(
            model_name='message',
            name='delivery_due',
        ),
        migrations.RemoveIndex(
            model_name='message',
            name='delivery_in_hand',
        ),
        migrations.RemoveIndex(
            model_name='message',
            name='delivery_per_member',
        ),
        migrations.AddField(
            model_name='message',
            name='stage',
            field=models.GeneratedField(db_persist=True, expression=models.Case(models.When(state__in=['pending', 'claimed', 'attempting'], then=models.Value(0)), models.When(state='in_doubt', then=models.Value(1)), default=models.Value(2)), help_text='0: still to be sent; 1: in doubt; 2: done with.', output_field=models.PositiveSmallIntegerField()),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('stage', 0)), fields=['priority', 'due_at', 'id'], name='delivery_open'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('stage', 1)), fields=['id'], name='delivery_doubtful'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['member', 'channel', 'stage', 'sent_at'], name='delivery_of_member'),
        ),
        migrations.RunSQL(
            """
            ALTER TABLE delivery_message SET (fillfactor = 45, toast_tuple_target = 128);
            ALTER TABLE delivery_message ALTER COLUMN "values" SET STORAGE EXTERNAL;
            """,
            """
            ALTER TABLE delivery_message RESET (fillfactor, toast_tuple_target);
            ALTER TABLE delivery_message ALTER COLUMN "values" SET STORAGE EXTENDED;
            """,
        ),
    ]
