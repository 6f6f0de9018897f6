"""E-mails are written in English and Chinese from the first day: a locale each."""

from django.db import migrations


def add_locales(apps, schema_editor):
    locales = apps.get_model("wagtailcore", "Locale").objects
    for code in ("en", "zh-hans"):
        locales.get_or_create(language_code=code)


class Migration(migrations.Migration):
    dependencies = [("emails", "0001_initial")]
    operations = [migrations.RunPython(add_locales, migrations.RunPython.noop)]
