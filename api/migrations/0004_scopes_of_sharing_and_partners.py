"""Scopes of gifts, households and partners."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('api', '0003_webhooks'),
    ]

    operations = [
        migrations.AlterField(
            model_name='apiclient',
            name='scopes',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('purchases:write', 'Record purchases'), ('refunds:write', 'Refund its own purchases'), ('members:read', 'Read points and tiers'), ('points:spend', 'Spend points, rewards and gift cards'), ('points:share', 'Give points and draw from households'), ('points:partner', 'Give and accept points as a partner')], max_length=30), size=None),
        ),
    ]
