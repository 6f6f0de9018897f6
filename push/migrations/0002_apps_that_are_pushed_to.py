"""Apps that may be pushed to, beside browsers."""

import django.db.models.deletion
import members.crypto
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('members', '0006_statistics_on_demand'),
        ('push', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='AppInstallation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('token_hash', models.BinaryField(max_length=16, unique=True)),
                ('token', members.crypto.EncryptedTextField(blank=True, null=True)),
                ('registered_at', models.DateTimeField()),
                ('member', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='app_installations', to='members.member')),
            ],
        ),
    ]
