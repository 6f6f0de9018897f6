"""A point is worth a cent until the manager says otherwise."""

from datetime import date

from django.conf import settings
from django.db import migrations
from django.utils import timezone


def a_cent_a_point(apps, schema_editor):
    apps.get_model("loyalty", "PointValue").objects.create(
        currency=apps.get_model("loyalty", "Currency").objects.get(code="points"),
        money=settings.CURRENCY,
        minor_per_1000=1000,
        effective_from=date(2000, 1, 1),
        note="As a new programme begins",
        created_at=timezone.now(),
    )


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0018_who_set_a_points_worth_is_kept")]

    operations = [migrations.RunPython(a_cent_a_point, migrations.RunPython.noop)]
