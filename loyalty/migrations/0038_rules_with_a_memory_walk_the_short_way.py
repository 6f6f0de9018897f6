"""A checkout that meets rules with a memory or a budget walks the short way; what no event made has no place in the events' index."""

from django.db import migrations, models

from config.db.functions import InstallFunctions


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0037_rules_that_only_count_are_written_together")]

    operations = [
        migrations.RemoveConstraint(model_name="contribution", name="an_event_contributes_once_to_a_term"),
        migrations.AddConstraint(
            model_name="contribution",
            constraint=models.UniqueConstraint(
                fields=["event", "term"], name="an_event_contributes_once_to_a_term", condition=models.Q(event__isnull=False)
            ),
        ),
        InstallFunctions("loyalty", "record_purchase.sql", "state_rules.sql", "sharing.sql", "refund.sql", "reviews.sql"),
    ]
