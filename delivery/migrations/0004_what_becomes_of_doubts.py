"""An operator says once what becomes of offers that nothing has settled."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('delivery', '0003_rows_change_in_place'),
    ]

    operations = [
        migrations.AddField(
            model_name='channelpolicy',
            name='after_doubt',
            field=models.CharField(choices=[('ask', 'A person decides'), ('sent', 'Count it as sent'), ('again', 'Send it again: the member may get it twice')], default='ask', max_length=5, verbose_name='when nothing settles a doubt'),
        ),
        migrations.AddField(
            model_name='channelpolicy',
            name='doubt_days',
            field=models.PositiveSmallIntegerField(default=3, help_text='A receipt, an open or a click settles a doubt until then.', verbose_name='days to wait for evidence'),
        ),
    ]
