"""Whoever uses the house, staff or member, can say what could be better: a topic of its own, and a team that owns the product."""

from django.db import migrations


def plant(apps, schema_editor):
    team, _new = apps.get_model("care", "Team").objects.get_or_create(
        code="product", defaults={"name_en": "Product", "name_zh": "产品"}
    )
    apps.get_model("care", "Topic").objects.get_or_create(
        code="feedback",
        defaults={
            "name_en": "What could be better here", "name_zh": "对本系统的建议", "team": team, "reply_hours": 120, "close_hours": 720,
            "is_for_members": True, "is_answered_by_pages": False, "words": [], "place": 75,
        },
    )  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("care", "0004_surveys_have_occasions")]
    operations = [migrations.RunPython(plant, migrations.RunPython.noop)]
