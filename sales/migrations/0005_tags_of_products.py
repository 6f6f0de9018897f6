"""Products carry tags, which earning rules may ask for."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sales', '0004_members_of_purchases_are_looked_up'),
    ]

    operations = [
        migrations.AddField(
            model_name='product',
            name='tags',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, help_text='Labels that earning rules ask for: organic, own-brand.', size=None),
        ),
        migrations.RunSQL("ALTER TABLE sales_product ALTER COLUMN tags SET DEFAULT '{}'", migrations.RunSQL.noop),
    ]
