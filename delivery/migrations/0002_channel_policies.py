"""E-mail may come at any hour; a push that buzzes at night may not."""

from datetime import time

from django.db import migrations


def write_policies(apps, schema_editor):
    policy = apps.get_model("delivery", "ChannelPolicy")
    policy.objects.bulk_create([
        policy(channel="email"),
        policy(channel="push", quiet_from=time(21), quiet_until=time(8)),
    ])


class Migration(migrations.Migration):
    dependencies = [("delivery", "0001_initial")]
    operations = [migrations.RunPython(write_policies, migrations.RunPython.noop)]
