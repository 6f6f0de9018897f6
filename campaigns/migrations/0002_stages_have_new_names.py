"""Audiences that ask for a life-cycle stage ask for the stages there are now."""

from django.db import migrations

FORTH = """
    UPDATE campaigns_audience
       SET conditions = replace(replace(conditions::text, '"lapsing"', '"at_risk"'), '"active"', '"developing", "loyal"')::jsonb
     WHERE conditions::text LIKE '%"lifecycle_stage"%'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0001_audiences_campaigns_and_their_outcomes"),
        ("members", "0010_custom_fields_tags_touchpoints_and_stages"),
    ]
    operations = [migrations.RunSQL(FORTH, migrations.RunSQL.noop)]
