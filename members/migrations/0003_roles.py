"""The staff roles, as groups."""

from django.db import migrations

ROLES = ("marketer", "approver", "cashier", "service", "analyst", "store_manager", "administrator")


def make_groups(apps, schema_editor):
    group = apps.get_model("auth", "Group")
    for role in ROLES:
        group.objects.get_or_create(name=role)


class Migration(migrations.Migration):
    dependencies = [("members", "0002_login_codes_accesses_and_what_only_grows"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
