"""Providers' receipts are kept as they came, and an address may wear out by soft bounces."""

import django.db.models.deletion
import members.crypto
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('delivery', '0004_what_becomes_of_doubts'),
    ]

    operations = [
        migrations.AlterField(
            model_name='suppression',
            name='reason',
            field=models.CharField(choices=[('hard_bounce', 'The address does not exist'), ('soft_bounces', 'Bounced again and again'), ('complaint', 'Complained of spam'), ('manual', 'Entered by staff')], max_length=15),
        ),
        migrations.CreateModel(
            name='ProviderEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.CharField(max_length=30)),
                ('key', models.BinaryField(help_text="The provider's event id, or the event itself, hashed.", max_length=32)),
                ('kind', models.CharField(help_text='In the words of the normalised vocabulary: delivered, bounced, …', max_length=20)),
                ('at', models.DateTimeField()),
                ('received_at', models.DateTimeField()),
                ('raw', members.crypto.EncryptedTextField(blank=True, help_text='JSON. It names the recipient: forgotten with the member.', null=True)),
                ('message', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='delivery.message')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('provider', 'key'), name='a_providers_news_is_kept_once')],
            },
        ),
    ]
