"""Install what acts are made of, and holds; give points their spending policy; guard what only grows."""

from django.conf import settings
from django.db import migrations

from config.db.functions import InstallFunctions

GUARDED = {"loyalty_tender": "a_tender_is_never_edited", "loyalty_reinstatement": "a_reinstatement_is_never_edited"}


def give_points_a_policy(apps, schema_editor):
    apps.get_model("loyalty", "SpendingPolicy").objects.get_or_create(
        currency_id=1, defaults={"pay_currency": settings.CURRENCY}
    )


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0014_holds_rewards_and_tender")]

    operations = [
        InstallFunctions("loyalty", "wallets.sql"),
        InstallFunctions("loyalty", "acts.sql", "holds.sql", is_first=True),
        InstallFunctions("loyalty", "move.sql"),
        migrations.RunPython(give_points_a_policy, migrations.RunPython.noop),
        *(
            migrations.RunSQL(
                f"CREATE TRIGGER {trigger} BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
                " FOR EACH STATEMENT EXECUTE FUNCTION loyalty_refuse_change()",
                f"DROP TRIGGER {trigger} ON {table}",
            )
            for table, trigger in GUARDED.items()
        ),
    ]
