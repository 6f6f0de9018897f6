"""Reviews, blocks and sealed days: their functions, and guards on what only grows."""

from django.db import migrations

from config.db.functions import InstallFunctions

GUARDS = """
CREATE TRIGGER a_sealed_day_is_never_edited BEFORE UPDATE OR DELETE OR TRUNCATE ON loyalty_daydigest
    FOR EACH STATEMENT EXECUTE FUNCTION loyalty_refuse_change();
CREATE TRIGGER a_value_of_points_is_never_edited BEFORE UPDATE OR DELETE OR TRUNCATE ON loyalty_pointvalue
    FOR EACH STATEMENT EXECUTE FUNCTION loyalty_refuse_change();
"""
WITHOUT = """
DROP TRIGGER a_sealed_day_is_never_edited ON loyalty_daydigest;
DROP TRIGGER a_value_of_points_is_never_edited ON loyalty_pointvalue;
"""


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0006_oversight")]

    operations = [
        migrations.RunSQL(GUARDS, WITHOUT),
        InstallFunctions("loyalty", "wallets.sql", "refund.sql"),
        InstallFunctions("loyalty", "reviews.sql", "oversight.sql", is_first=True),
    ]
