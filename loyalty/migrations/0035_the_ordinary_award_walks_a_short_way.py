"""A checkout's short way, fewer checks on what every award writes, and a wallet's changing columns side by side."""

from django.db import migrations, models
from django.db.models.functions import Least
from django.db.models.lookups import GreaterThanOrEqual

from config.db.functions import InstallFunctions

ANSWER = """
CREATE TYPE loyalty_recorded AS (
    place integer, outcome smallint, purchase_id bigint, public_id uuid, member_id bigint, rule_set_id integer,
    points bigint, debt_paid bigint, available bigint, tier_id smallint, tier_percent integer, tier_after_id smallint,
    carry_before integer, carry_after integer, entitlements jsonb, award_inputs jsonb, bonuses jsonb
)
"""

# What was a check on the table: an award's update of the wallet never comes here, because it names neither column.
ONE_HOLDER = """
CREATE FUNCTION loyalty_refuse_two_holders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE check_violation USING CONSTRAINT = 'a_wallet_has_one_holder', TABLE = 'loyalty_wallet',
        MESSAGE = format('Wallet %s would have two holders: member %s and household %s.', NEW.id, NEW.member_id, NEW.household_id);
END $$;
CREATE TRIGGER a_wallet_has_one_holder AFTER INSERT OR UPDATE OF member_id, household_id ON loyalty_wallet
    FOR EACH ROW WHEN (NEW.member_id IS NOT NULL AND NEW.household_id IS NOT NULL)
    EXECUTE FUNCTION loyalty_refuse_two_holders();
"""
NO_ONE_HOLDER = """
DROP TRIGGER a_wallet_has_one_holder ON loyalty_wallet;
DROP FUNCTION loyalty_refuse_two_holders;
"""

# An update writes to the log what lies between the first and the last byte that changed. In this order that is the newest lot,
# four numbers and the newest month: nothing of the lots before it, nor of the months after it.
CHANGING = {
    "lot_points": "bigint[]", "available": "bigint", "version": "bigint", "last_purchase_at": "timestamptz",
    "carry_micropoints": "integer", "qualifying_micropoints": "bigint[]",
}  # fmt: skip


def _side_by_side() -> list[str]:
    def every(text, names=CHANGING):
        return "ALTER TABLE loyalty_wallet " + ", ".join(text.format(name=n, type=CHANGING[n]) for n in names)

    return [
        every("ADD COLUMN new_{name} {type}"),
        every("ALTER COLUMN new_{name} TYPE {type} USING {name}"),
        every("DROP COLUMN {name}"),
        *[f"ALTER TABLE loyalty_wallet RENAME COLUMN new_{name} TO {name}" for name in CHANGING],
        every("ALTER COLUMN {name} SET NOT NULL", [name for name in CHANGING if name != "last_purchase_at"]),
    ]


class Migration(migrations.Migration):
    dependencies = [
        ("loyalty", "0034_gifts_merges_and_waiting_points"),
        ("sales", "0007_callers_make_public_ids"),
    ]

    operations = [
        *[
            migrations.RemoveConstraint(model_name=model, name=name)
            for model, name in [
                ("wallet", "a_wallet_has_one_holder"),
                ("wallet", "available_points_are_never_negative"),
                ("wallet", "pending_points_are_never_negative"),
                ("wallet", "held_points_are_never_negative"),
                ("wallet", "debt_is_never_negative"),
                ("wallet", "less_than_a_point_is_carried"),
                ("transfer", "a_transfer_joins_two_accounts"),
                ("transfer", "available_points_belong_to_a_lot"),
            ]
        ],
        migrations.AlterField(
            model_name="wallet", name="pool_percent", field=models.SmallIntegerField(blank=True, null=True)
        ),
        migrations.RunSQL(_side_by_side(), migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="wallet",
            constraint=models.CheckConstraint(
                condition=GreaterThanOrEqual(Least("available", "pending", "held", "debt"), 0),
                name="points_are_never_negative",
            ),
        ),
        migrations.RunSQL(ONE_HOLDER, NO_ONE_HOLDER),
        migrations.RunSQL(ANSWER, "DROP TYPE loyalty_recorded"),
        InstallFunctions("loyalty", "record_purchases.sql"),
        InstallFunctions("loyalty", "deciding.sql", "record_purchase.sql", is_first=True),
    ]
