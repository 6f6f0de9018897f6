"""Which campaign wins where a member may get one message, and until when a message is of use."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0003_plans_baselines_and_programme_lift'),
    ]

    operations = [
        migrations.AddField(
            model_name='campaign',
            name='message_hours_max',
            field=models.PositiveSmallIntegerField(blank=True, help_text='Hours. A message that could not be sent so long after it was due is skipped. Empty: it still goes.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='no use after'),
        ),
        migrations.AddField(
            model_name='campaign',
            name='priority',
            field=models.PositiveSmallIntegerField(choices=[(2, 'Before others'), (5, 'Ordinary'), (8, 'After others')], default=5, help_text="Where a member may get only one message, the more important campaign's is sent.", verbose_name='importance'),
        ),
    ]
