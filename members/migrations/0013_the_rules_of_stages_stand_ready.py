"""One row of rules, so that a manager finds them to edit."""

from django.db import migrations


def plant(apps, schema_editor):
    apps.get_model("members", "LifecycleRules").objects.get_or_create(pk=1)


class Migration(migrations.Migration):
    dependencies = [("members", "0012_consent_by_topic")]
    operations = [migrations.RunPython(plant, migrations.RunPython.noop)]
