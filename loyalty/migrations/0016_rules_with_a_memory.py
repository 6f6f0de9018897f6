"""Tables for what rules remember, budgets, pending points, events and referrals; two more currencies."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


GUARDS = """
CREATE TRIGGER a_grant_is_never_edited BEFORE UPDATE OR DELETE OR TRUNCATE ON loyalty_grant
    FOR EACH STATEMENT EXECUTE FUNCTION loyalty_refuse_change();
CREATE TRIGGER an_event_is_never_edited BEFORE UPDATE OR DELETE OR TRUNCATE ON loyalty_memberevent
    FOR EACH STATEMENT EXECUTE FUNCTION loyalty_refuse_change();
-- Rows that change under the wallet's lock change in place.
ALTER TABLE loyalty_rulestate SET (fillfactor = 70);
ALTER TABLE loyalty_budgetslot SET (fillfactor = 40);
"""
WITHOUT = """
DROP TRIGGER a_grant_is_never_edited ON loyalty_grant;
DROP TRIGGER an_event_is_never_edited ON loyalty_memberevent;
"""


def add_currencies(apps, schema_editor):
    # ids stand by hand, as that of points does: the sequence never counted them
    currencies = apps.get_model("loyalty", "Currency").objects
    for id_, code, name in [(2, "stamps", "Stamps"), (3, "tier_credits", "Tier credits")]:
        if not currencies.filter(code=code).exists():
            taken = set(currencies.values_list("id", flat=True))
            currencies.create(id=id_ if id_ not in taken else max(taken) + 1, code=code, name=name)


class Migration(migrations.Migration):

    dependencies = [
        ('loyalty', '0015_hold_points'),
        ('members', '0003_roles'),
        ('sales', '0005_tags_of_products'),
    ]

    operations = [
        migrations.CreateModel(
            name='ReferralCode',
            fields=[
                ('member', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='referral_code', serialize=False, to='members.member')),
                ('code', models.CharField(max_length=16, unique=True)),
                ('created_at', models.DateTimeField()),
            ],
        ),
        migrations.AlterField(
            model_name='award',
            name='inputs',
            field=models.JSONField(default=dict, help_text='What else the rules looked at; see loyalty/earning/.'),
        ),
        migrations.AlterField(
            model_name='transfer',
            name='reason',
            field=models.CharField(choices=[('purchase', 'Purchase'), ('refund', 'Refund'), ('redemption', 'Points spent'), ('expiry', 'Expired'), ('inactivity', 'Expired by inactivity'), ('hold', 'Set aside'), ('release', 'No longer set aside'), ('payment', 'Paid with'), ('restored', 'Given back'), ('reinstated', 'Reinstated'), ('debt_paid', 'Paid what was owed'), ('write_off', 'Written off'), ('loaded', 'Loaded'), ('goodwill', 'Goodwill'), ('correction', 'Correction'), ('review', 'Under review'), ('gift', 'Gift'), ('pool', 'Shared with the household'), ('merge', 'Members merged'), ('opening', 'Opening balance'), ('partner', 'Given by a partner'), ('bonus', 'Bonus'), ('bonus_back', 'Bonus taken back'), ('maturity', 'Can be spent now')], max_length=12),
        ),
        migrations.CreateModel(
            name='Budget',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('rule', models.CharField(max_length=50)),
                ('unit', models.CharField(choices=[('points', 'Points'), ('money', 'Money')], max_length=6)),
                ('cap', models.BigIntegerField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('rule', 'unit'), name='one_budget_for_one_rule_and_unit'), models.CheckConstraint(condition=models.Q(('cap__gte', 0)), name='a_budget_is_never_negative')],
            },
        ),
        migrations.CreateModel(
            name='MemberEvent',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('client_key', models.CharField(max_length=120)),
                ('body_hash', models.BinaryField(max_length=16)),
                ('event', models.CharField(max_length=40)),
                ('subject', models.CharField(blank=True, help_text="What it was about, in the client's words.", max_length=120)),
                ('occurred_at', models.DateTimeField()),
                ('recorded_at', models.DateTimeField()),
                ('member', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='events', to='members.member')),
                ('source', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sales.source')),
            ],
        ),
        migrations.CreateModel(
            name='Grant',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('client_key', models.CharField(max_length=120)),
                ('rule', models.CharField(max_length=50)),
                ('term', models.CharField(max_length=60)),
                ('period', models.DateField()),
                ('terms', models.JSONField()),
                ('measure', models.BigIntegerField()),
                ('units_due', models.BigIntegerField()),
                ('units_before', models.BigIntegerField()),
                ('units', models.BigIntegerField()),
                ('amount', models.BigIntegerField()),
                ('at', models.DateTimeField()),
                ('purchase', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='sales.purchase')),
                ('rule_set', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='loyalty.ruleset')),
                ('source', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='sales.source')),
                ('wallet', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='grants', to='loyalty.wallet')),
                ('event', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='loyalty.memberevent')),
            ],
        ),
        migrations.CreateModel(
            name='Contribution',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('term', models.CharField(max_length=60)),
                ('period', models.DateField(help_text='First day of the period it counts in; 0001-01-01 for ever.')),
                ('day', models.DateField(help_text="The store's day of the purchase.")),
                ('lines', django.contrib.postgres.fields.ArrayField(base_field=models.SmallIntegerField(), size=None)),
                ('amounts', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), help_text='Minor units, or thousandths of items.', size=None)),
                ('left', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ('total_left', models.BigIntegerField()),
                ('keys', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=400), help_text='What makes lines different, if that counts.', null=True, size=None)),
                ('step', models.IntegerField(help_text='Number of the day, week or month, for streaks.', null=True)),
                ('purchase', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='sales.purchase')),
                ('wallet', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='loyalty.wallet')),
                ('event', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='loyalty.memberevent')),
            ],
        ),
        migrations.CreateModel(
            name='PendingPoints',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('client_key', models.CharField(max_length=120)),
                ('term', models.CharField(blank=True, help_text="The state rule's term; empty for what the lines earned.", max_length=60)),
                ('points', models.BigIntegerField()),
                ('points_left', models.BigIntegerField()),
                ('matures_on', models.DateField(help_text='First day on which they can be spent.', null=True)),
                ('waits_for', models.CharField(blank=True, max_length=40)),
                ('expires_on', models.DateField()),
                ('purchase', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='sales.purchase')),
                ('source', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='sales.source')),
                ('wallet', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='pending_points', to='loyalty.wallet')),
            ],
        ),
        migrations.CreateModel(
            name='Referral',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('open', 'Waiting for the first purchase'), ('paid', 'Paid'), ('taken_back', 'Taken back with the purchase')], default='open', max_length=10)),
                ('at', models.DateTimeField()),
                ('settled_at', models.DateTimeField(null=True)),
                ('friend', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='referral', to='members.member')),
                ('referrer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='referrals_made', to='members.member')),
            ],
        ),
        migrations.CreateModel(
            name='RuleState',
            fields=[
                ('pk', models.CompositePrimaryKey('wallet_id', 'term', 'period', blank=True, editable=False, primary_key=True, serialize=False)),
                ('term', models.CharField(max_length=60)),
                ('period', models.DateField()),
                ('ends', models.DateField()),
                ('rule', models.CharField(max_length=50)),
                ('terms', models.JSONField()),
                ('measure', models.BigIntegerField(default=0)),
                ('units', models.BigIntegerField(default=0)),
                ('shift', models.BigIntegerField(default=0)),
                ('locked', models.JSONField(null=True)),
                ('changed_at', models.DateTimeField()),
                ('rule_set', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='loyalty.ruleset')),
                ('wallet', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='rule_states', to='loyalty.wallet')),
            ],
        ),
        migrations.CreateModel(
            name='BudgetSlot',
            fields=[
                ('pk', models.CompositePrimaryKey('budget_id', 'slot', blank=True, editable=False, primary_key=True, serialize=False)),
                ('slot', models.PositiveSmallIntegerField()),
                ('left', models.BigIntegerField()),
                ('budget', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='slots', to='loyalty.budget')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('left__gte', 0)), name='no_more_is_spent_than_the_budget')],
            },
        ),
        migrations.AddIndex(
            model_name='memberevent',
            index=models.Index(fields=['member', 'event'], name='loyalty_events_of_member'),
        ),
        migrations.AddConstraint(
            model_name='memberevent',
            constraint=models.UniqueConstraint(fields=('source', 'client_key'), name='one_event_for_one_client_key'),
        ),
        migrations.AddIndex(
            model_name='grant',
            index=models.Index(fields=['wallet', 'client_key'], name='loyalty_grants_of_wallet'),
        ),
        migrations.AddIndex(
            model_name='grant',
            index=models.Index(fields=['rule', 'at'], name='loyalty_grants_by_rule'),
        ),
        migrations.AddIndex(
            model_name='contribution',
            index=models.Index(fields=['wallet', 'term', 'period'], name='loyalty_contributions'),
        ),
        migrations.AddConstraint(
            model_name='contribution',
            constraint=models.UniqueConstraint(fields=('purchase', 'term'), name='a_purchase_contributes_once_to_a_term'),
        ),
        migrations.AddConstraint(
            model_name='contribution',
            constraint=models.UniqueConstraint(fields=('event', 'term'), name='an_event_contributes_once_to_a_term'),
        ),
        migrations.AddIndex(
            model_name='pendingpoints',
            index=models.Index(condition=models.Q(('points_left__gt', 0)), fields=['wallet'], name='loyalty_pending_of_wallet'),
        ),
        migrations.AddIndex(
            model_name='pendingpoints',
            index=models.Index(condition=models.Q(('points_left__gt', 0)), fields=['matures_on'], name='loyalty_pending_by_day'),
        ),
        migrations.AddIndex(
            model_name='pendingpoints',
            index=models.Index(condition=models.Q(('points_left__gt', 0)), fields=['purchase'], name='loyalty_pending_of_sale'),
        ),
        migrations.AddConstraint(
            model_name='pendingpoints',
            constraint=models.CheckConstraint(condition=models.Q(('points_left__gte', 0), ('points_left__lte', models.F('points'))), name='pending_points_only_shrink'),
        ),
        migrations.AddConstraint(
            model_name='pendingpoints',
            constraint=models.CheckConstraint(condition=models.Q(('matures_on__isnull', False), models.Q(('waits_for', ''), _negated=True), _connector='XOR'), name='pending_points_wait_for_one_thing'),
        ),
        migrations.AddConstraint(
            model_name='referral',
            constraint=models.CheckConstraint(condition=models.Q(('referrer', models.F('friend')), _negated=True), name='nobody_refers_themselves'),
        ),
        migrations.AddConstraint(
            model_name='rulestate',
            constraint=models.CheckConstraint(condition=models.Q(('units__gte', 0)), name='units_granted_are_never_negative'),
        ),
        migrations.RunSQL(GUARDS, WITHOUT),
        migrations.RunPython(add_currencies, migrations.RunPython.noop),
    ]
