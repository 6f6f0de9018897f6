from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

INDEXES = [("members_consent_yes", True), ("members_consent_no", False)]


class Migration(migrations.Migration):
    """Who may be reached is read off two indexes, one of the yeses and one of the noes, and never off the table by parallel hashes."""

    atomic = False
    dependencies = [("members", "0015_modules_and_web_shops")]

    operations = [
        *(
            AddIndexConcurrently(
                "consent",
                models.Index(fields=["channel", "purpose", "member", "at", "id"], condition=models.Q(is_granted=is_yes), name=name),
            )
            for name, is_yes in INDEXES
        ),
        # A parallel scan looks cheap to the planner, and what hashes it feeds are then dearer than merging the two indexes.
        migrations.RunSQL(
            "ALTER TABLE members_consent SET (parallel_workers = 0)", "ALTER TABLE members_consent RESET (parallel_workers)"
        ),
    ]
