"""A cap counts messages of all channels; a message may come too late; a channel may have several ways out, each at its pace."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('delivery', '0005_what_providers_tell'),
        ('members', '0006_statistics_on_demand'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Bucket',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('family', models.CharField(blank=True, max_length=60)),
                ('tokens', models.FloatField()),
                ('filled_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='MailDomain',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('domain', models.CharField(max_length=255, unique=True)),
                ('family', models.CharField(max_length=60)),
                ('looked_up_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Pace',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('family', models.CharField(help_text='Such as google, microsoft, yahoo, or a domain; * for each of the others.', max_length=60, verbose_name='receivers')),
                ('per_minute_max', models.PositiveIntegerField(validators=[django.core.validators.MinValueValidator(1)], verbose_name='messages a minute at most')),
            ],
        ),
        migrations.CreateModel(
            name='Transport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.CharField(choices=[('email', 'E-mail'), ('push', 'Push'), ('mobile', 'App push'), ('sms', 'Text message')], max_length=10)),
                ('name', models.CharField(help_text='As in the settings.', max_length=30)),
                ('position', models.PositiveSmallIntegerField(default=0, help_text='The lowest is used first.', verbose_name='order')),
                ('is_used', models.BooleanField(default=True, verbose_name='in use')),
                ('per_minute_max', models.PositiveIntegerField(blank=True, help_text='Empty: no limit.', null=True, verbose_name='messages a minute at most')),
                ('warm_up_from', models.DateField(blank=True, help_text='The first day of a new address or server. Empty: warm.', null=True, verbose_name='warming up since')),
                ('warm_up_start', models.PositiveIntegerField(default=200, verbose_name='messages on the first day')),
                ('warm_up_percent', models.PositiveSmallIntegerField(default=150, validators=[django.core.validators.MinValueValidator(100)], verbose_name='each day, per cent of the day before')),
                ('demoted_until', models.DateTimeField(blank=True, help_text='Business time. Used only if no other can be.', null=True)),
                ('demoted_because', models.CharField(blank=True, max_length=200)),
            ],
            options={
                'ordering': ['channel', 'position', 'name'],
            },
        ),
        migrations.CreateModel(
            name='TransportTally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('minute', models.DateTimeField()),
                ('handed', models.PositiveIntegerField(default=0)),
                ('slow', models.PositiveIntegerField(default=0)),
                ('unreachable', models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.RemoveIndex(
            model_name='message',
            name='delivery_of_member',
        ),
        migrations.AddField(
            model_name='channelpolicy',
            name='hours_between',
            field=models.PositiveSmallIntegerField(default=16, help_text='By any channel. 0: no such rule.', verbose_name='hours since the last message'),
        ),
        migrations.AddField(
            model_name='message',
            name='expires_at',
            field=models.DateTimeField(blank=True, help_text='Business time: later than this it is not sent.', null=True),
        ),
        migrations.AddField(
            model_name='message',
            name='transport',
            field=models.CharField(blank=True, help_text='Which way out its last try took.', max_length=30),
        ),
        migrations.AddField(
            model_name='messageevent',
            name='network',
            field=models.BinaryField(help_text="The visitor's network, as a keyed hash: scanners come from one for many links.", max_length=8, null=True),
        ),
        migrations.AlterField(
            model_name='channelpolicy',
            name='channel',
            field=models.CharField(choices=[('email', 'E-mail'), ('push', 'Push'), ('mobile', 'App push'), ('sms', 'Text message')], max_length=10, unique=True),
        ),
        migrations.AlterField(
            model_name='channelpolicy',
            name='marketing_messages_max',
            field=models.PositiveSmallIntegerField(default=4, help_text='To one member by all channels together, in the days below.', verbose_name='messages at most'),
        ),
        migrations.AlterField(
            model_name='message',
            name='channel',
            field=models.CharField(choices=[('email', 'E-mail'), ('push', 'Push'), ('mobile', 'App push'), ('sms', 'Text message')], max_length=10),
        ),
        migrations.AlterField(
            model_name='message',
            name='skip_reason',
            field=models.CharField(blank=True, choices=[('no_consent', 'No consent for this channel'), ('not_active', 'No longer an active member'), ('no_address', 'No address for this channel'), ('suppressed', 'Address is suppressed'), ('frequency_cap', 'Had enough messages lately'), ('outranked', 'A more important message comes first'), ('too_late', 'Too late to be of use'), ('cancelled', 'Cancelled'), ('erased', 'Member was erased')], max_length=20),
        ),
        migrations.AlterField(
            model_name='messageevent',
            name='kind',
            field=models.CharField(choices=[('delivered', 'Delivered'), ('bounced', 'Bounced'), ('complained', 'Complained'), ('opened', 'Opened'), ('clicked', 'Clicked'), ('unsubscribed', 'Unsubscribed'), ('trapped', 'Followed the link that nobody sees')], max_length=12),
        ),
        migrations.AlterField(
            model_name='suppression',
            name='channel',
            field=models.CharField(choices=[('email', 'E-mail'), ('push', 'Push'), ('mobile', 'App push'), ('sms', 'Text message')], max_length=10),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['member', 'stage', 'sent_at'], name='delivery_by_member'),
        ),
        migrations.AddConstraint(
            model_name='transport',
            constraint=models.UniqueConstraint(fields=('channel', 'name'), name='a_transport_has_one_name'),
        ),
        migrations.AddField(
            model_name='pace',
            name='transport',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='paces', to='delivery.transport'),
        ),
        migrations.AddField(
            model_name='bucket',
            name='transport',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='buckets', to='delivery.transport'),
        ),
        migrations.AddField(
            model_name='transporttally',
            name='transport',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tallies', to='delivery.transport'),
        ),
        migrations.AddConstraint(
            model_name='pace',
            constraint=models.UniqueConstraint(fields=('transport', 'family'), name='one_pace_for_one_family'),
        ),
        migrations.AddConstraint(
            model_name='bucket',
            constraint=models.UniqueConstraint(fields=('transport', 'family'), name='one_bucket_for_one_family'),
        ),
        migrations.AddConstraint(
            model_name='transporttally',
            constraint=models.UniqueConstraint(fields=('transport', 'minute'), name='one_tally_for_one_minute'),
        ),
    ]
