"""Members stand at the stages there are now; the next nightly run tells who is loyal and who was won back."""

from django.db import migrations

FORTH = """
    UPDATE members_member SET lifecycle_stage = CASE lifecycle_stage WHEN 'active' THEN 'developing' ELSE 'at_risk' END
     WHERE lifecycle_stage IN ('active', 'lapsing')
"""


class Migration(migrations.Migration):
    dependencies = [("members", "0010_custom_fields_tags_touchpoints_and_stages")]
    operations = [migrations.RunSQL(FORTH, migrations.RunSQL.noop)]
