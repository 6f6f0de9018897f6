"""Install the functions through which every point moves."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0002_guard_the_ledger"), ("sales", "0002_store_purchases"), ("members", "0001_initial")]

    operations = [
        migrations.RunSQL((SQL / "wallets.sql").read_text(),
            "DROP FUNCTION loyalty_settle_tier, loyalty_add_qualifying, loyalty_move_window, loyalty_expire_lots, "
            "loyalty_take_from_lots, loyalty_add_to_lot, loyalty_save_wallet, loyalty_lock_wallet, loyalty_open_wallets"),
        migrations.RunSQL((SQL / "entitlements.sql").read_text(), "DROP FUNCTION loyalty_use_entitlements"),
        migrations.RunSQL((SQL / "record_purchases.sql").read_text(), "DROP FUNCTION loyalty_record_purchases"),
        migrations.RunSQL((SQL / "refund.sql").read_text(), "DROP FUNCTION loyalty_refund, loyalty_taken_back"),
        migrations.RunSQL((SQL / "move.sql").read_text(), "DROP FUNCTION loyalty_move_points"),
        migrations.RunSQL((SQL / "jobs.sql").read_text(),
            "DROP FUNCTION loyalty_entitle, loyalty_evaluate_tiers, loyalty_expire_points"),
    ]
