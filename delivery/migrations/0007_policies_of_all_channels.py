"""After a message by any channel: sixteen hours until an e-mail, a day until anything that buzzes. Nothing buzzes at night."""

from datetime import time

from django.db import migrations


def write_policies(apps, schema_editor):
    policy = apps.get_model("delivery", "ChannelPolicy")
    policy.objects.filter(channel="push").update(hours_between=24)
    for channel in ("mobile", "sms"):
        policy.objects.get_or_create(
            channel=channel, defaults={"hours_between": 24, "quiet_from": time(21), "quiet_until": time(8)}
        )


class Migration(migrations.Migration):
    dependencies = [("delivery", "0006_caps_over_all_channels_and_several_ways_out")]
    operations = [migrations.RunPython(write_policies, migrations.RunPython.noop)]
