"""Every tier has its place on the ladder; one policy for tiers, one for gifts; what partners agreed is never edited."""

from django.db import migrations


def fill(apps, schema_editor):
    tiers = apps.get_model("loyalty", "Tier")
    for rank, tier in enumerate(tiers.objects.order_by("points_from", "pk")):
        tiers.objects.filter(pk=tier.pk).update(rank=rank)
    apps.get_model("loyalty", "TierPolicy").objects.get_or_create(pk=1)
    apps.get_model("loyalty", "GiftPolicy").objects.get_or_create(pk=1)


GUARD = """
CREATE TRIGGER terms_are_never_edited BEFORE UPDATE OR DELETE OR TRUNCATE ON loyalty_partnerterms
    FOR EACH STATEMENT EXECUTE FUNCTION loyalty_refuse_change();
CREATE TRIGGER a_funding_is_never_edited BEFORE UPDATE OR DELETE OR TRUNCATE ON loyalty_funding
    FOR EACH STATEMENT EXECUTE FUNCTION loyalty_refuse_change();
"""
UNGUARD = """
DROP TRIGGER terms_are_never_edited ON loyalty_partnerterms;
DROP TRIGGER a_funding_is_never_edited ON loyalty_funding;
"""


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0010_people_and_partners")]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
