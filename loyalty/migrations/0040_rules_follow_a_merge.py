"""What rules with a memory know follows a merge and goes back; a checkout counts them without a lock, all in one statement."""

import django.contrib.postgres.fields
from django.db import migrations, models

from config.db.functions import InstallFunctions

# Members who are merged today: what rules know of the absorbed comes over as if they were merged now, in the order they were.
BRING_OVER = """
DO $$
DECLARE
    m loyalty_walletmerge;
BEGIN
    FOR m IN SELECT * FROM loyalty_walletmerge x WHERE x.undone_at IS NULL ORDER BY x.id LOOP
        PERFORM loyalty_merge_rules(m.merge_id, m.survivor_id, m.absorbed_id, statement_timestamp());
    END LOOP;
END $$;
"""

# What a purchase tells a rule with a memory (loyalty/earning/state.py).
CALL = """
CREATE TYPE loyalty_call AS (
    term text, period date, ends date, lines smallint[], amounts bigint[], total bigint, keys text[], step integer, near integer[],
    member_period date, referrer_period date, measure text, every bigint, times bigint, minimum bigint, begins text,
    is_first boolean, is_for_some boolean, is_referral boolean
)
"""


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0039_stock_and_codes_are_counted")]

    operations = [
        migrations.AddField(
            model_name="walletmerge",
            name="contribution_ids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), db_default=[], default=list,
                help_text="What the absorbed one had contributed to rules.", size=None,
            ),
        ),  # fmt: skip
        migrations.AddField(
            model_name="walletmerge",
            name="rule_states",
            field=models.JSONField(
                db_default=[], default=list,
                help_text="Where both stood with rules before (mine, theirs) and right after (joined).",
            ),
        ),  # fmt: skip
        # Room on every page for the new version of a row: what a rule counts changes with every purchase.
        migrations.RunSQL("ALTER TABLE loyalty_rulestate SET (fillfactor = 70)", migrations.RunSQL.noop),
        migrations.RunSQL(CALL, "DROP TYPE loyalty_call"),
        InstallFunctions("loyalty", "counting.sql", "merged_rules.sql", is_first=True),
        InstallFunctions(
            "loyalty", "deciding.sql", "wallets.sql", "tiers.sql", "pending.sql", "state_rules.sql", "limited_rules.sql",
            "merging.sql", "refund.sql", "record_purchases.sql", "record_purchase.sql",
        ),  # fmt: skip
        migrations.RunSQL(BRING_OVER, migrations.RunSQL.noop),
    ]
