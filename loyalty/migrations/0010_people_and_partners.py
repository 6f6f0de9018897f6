"""Tables of tiers by several criteria, households, gifts, merged members, partners and paid memberships."""

import django.contrib.postgres.fields
import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('loyalty', '0009_batches_written_at_once'),
        ('members', '0004_members_may_be_merged'),
        ('sales', '0002_store_purchases'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Funder',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cause', models.CharField(help_text='What is funded, such as reward:12.', max_length=80)),
                ('percent', models.PositiveSmallIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='Funding',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_key', models.CharField(max_length=120)),
                ('kind', models.CharField(choices=[('issued', 'Points given'), ('redeemed', 'Points spent')], max_length=10)),
                ('cause', models.CharField(max_length=80)),
                ('points', models.PositiveBigIntegerField()),
                ('occurred_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='GiftPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_open', models.BooleanField(default=True)),
                ('points_min', models.PositiveIntegerField(default=10)),
                ('points_per_day_max', models.PositiveIntegerField(default=5000)),
                ('points_per_month_max', models.PositiveIntegerField(default=20000)),
            ],
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('subscription_id', models.CharField(max_length=100, unique=True)),
                ('customer_id', models.CharField(blank=True, max_length=100)),
                ('status', models.CharField(choices=[('active', 'Active'), ('grace', 'Payment failed'), ('ended', 'Ended')], max_length=10)),
                ('is_leaving', models.BooleanField(default=False, help_text='Ends with the period that is paid.')),
                ('period_ends_at', models.DateTimeField(null=True)),
                ('grace_until', models.DateTimeField(blank=True, help_text='Until when the tier stays after a failed payment.', null=True)),
                ('joined_at', models.DateTimeField()),
                ('changed_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='MembershipPlan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('price_id', models.CharField(max_length=100, unique=True)),
                ('amount_minor', models.PositiveBigIntegerField()),
                ('currency', models.CharField(max_length=3)),
                ('interval', models.CharField(choices=[('month', 'a month'), ('year', 'a year')], max_length=5)),
                ('is_open', models.BooleanField(default=True, help_text='Members may join.')),
            ],
        ),
        migrations.CreateModel(
            name='Partner',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=40, unique=True)),
                ('name', models.CharField(max_length=100)),
                ('is_active', models.BooleanField(default=True)),
                ('may_issue', models.BooleanField(default=True)),
                ('may_accept', models.BooleanField(default=True)),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='PartnerTerms',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('valid_from', models.DateField()),
                ('currency', models.CharField(max_length=3)),
                ('issue_minor_per_1000', models.PositiveIntegerField(help_text='What the partner pays us for a thousand points it gives.')),
                ('accept_minor_per_1000', models.PositiveIntegerField(help_text='What we pay it for a thousand points it accepts.')),
            ],
            options={
                'ordering': ['valid_from'],
            },
        ),
        migrations.CreateModel(
            name='PaymentEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event_id', models.CharField(max_length=100, unique=True)),
                ('kind', models.CharField(max_length=100)),
                ('raw', models.TextField()),
                ('received_at', models.DateTimeField()),
                ('handled_at', models.DateTimeField(null=True)),
                ('outcome', models.CharField(blank=True, max_length=40)),
            ],
        ),
        migrations.CreateModel(
            name='PoolShare',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('percent', models.PositiveSmallIntegerField(help_text='The part of every award that goes to the household.')),
                ('is_head', models.BooleanField(default=False, help_text='Takes in members, changes shares, and dissolves the pool.')),
                ('may_spend', models.BooleanField(default=True)),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='TierBenefit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('place', models.PositiveSmallIntegerField(default=0)),
                ('words_en', models.CharField(max_length=120)),
                ('words_zh', models.CharField(blank=True, max_length=120)),
            ],
            options={
                'ordering': ['tier', 'place', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='TierGrant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('invitation', 'By invitation'), ('membership', 'Paid membership'), ('opening', 'Brought along')], max_length=10)),
                ('cause', models.CharField(help_text="The giver's own name for it; one grant for one cause.", max_length=120)),
                ('valid_until', models.DateTimeField(blank=True, help_text='Empty: until it is ended.', null=True)),
                ('note', models.CharField(blank=True, max_length=200)),
                ('given_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='TierPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('currency', models.CharField(default='USD', help_text='The currency that spend is counted in.', max_length=3)),
                ('falls_one_step', models.BooleanField(default=False, help_text='Who loses a tier falls one step at a time, a month at least between two.')),
            ],
        ),
        migrations.CreateModel(
            name='WalletMerge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('absorbed_version', models.BigIntegerField(help_text="The absorbed wallet's version before.")),
                ('before', models.JSONField(help_text="The survivor's tier and dates before, and the absorbed one's pool.")),
                ('after', models.JSONField(help_text="The survivor's tier and dates right after.")),
                ('entitlement_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                ('undone_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.AlterModelOptions(
            name='tier',
            options={'ordering': ['rank']},
        ),
        migrations.AddField(
            model_name='tier',
            name='grace_months',
            field=models.PositiveSmallIntegerField(default=0, help_text='For how many months a tier is kept after its window no longer holds it.'),
        ),
        migrations.AddField(
            model_name='tier',
            name='how',
            field=models.CharField(choices=[('earned', 'Earned'), ('invited', 'By invitation'), ('paid', 'Paid membership')], default='earned', max_length=10),
        ),
        migrations.AddField(
            model_name='tier',
            name='must_meet_all',
            field=models.BooleanField(default=False, help_text='All criteria that are asked, or any one of them.'),
        ),
        migrations.AddField(
            model_name='tier',
            name='rank',
            field=models.PositiveSmallIntegerField(default=0, help_text="Its place on the ladder; the lowest is everybody's."),
        ),
        migrations.AddField(
            model_name='tier',
            name='spend_minor_from',
            field=models.PositiveBigIntegerField(default=0, help_text='Money spent on goods that earn, after refunds, in minor units.'),
        ),
        migrations.AddField(
            model_name='tier',
            name='visits_from',
            field=models.PositiveIntegerField(default=0, help_text='Receipts of which something was kept.'),
        ),
        migrations.AddField(
            model_name='tier',
            name='counted_over',
            field=models.CharField(choices=[('rolling', 'The latest months'), ('calendar', 'The calendar year'), ('anniversary', "The member's own year"), ('lifetime', 'Since joining')], default='rolling', max_length=12),
        ),
        migrations.AddField(
            model_name='tier',
            name='window_months',
            field=models.PositiveSmallIntegerField(default=12, help_text='Months of a rolling window, 1 to 12.'),
        ),
        migrations.AddField(
            model_name='wallet',
            name='lifetime_qualifying',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, help_text='Micropoints, spend and visits since joining; NULL while no tier asks.', null=True, size=None),
        ),
        migrations.AddField(
            model_name='wallet',
            name='merged_into',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, help_text='The wallet of the member this one was merged into; what comes in goes on to it.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='loyalty.wallet'),
        ),
        migrations.AddField(
            model_name='wallet',
            name='pool',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, help_text="The household's wallet that a part of every award goes to.", null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='loyalty.wallet'),
        ),
        migrations.AddField(
            model_name='wallet',
            name='pool_percent',
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='wallet',
            name='qualifying_spend_minor',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, help_text='As qualifying_micropoints; NULL while no tier asks.', null=True, size=None),
        ),
        migrations.AddField(
            model_name='wallet',
            name='qualifying_visits',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, null=True, size=None),
        ),
        migrations.AddField(
            model_name='wallet',
            name='tier_granted',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, help_text='The highest tier given by invitation or membership.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='loyalty.tier'),
        ),
        migrations.AddField(
            model_name='wallet',
            name='tier_granted_until',
            field=models.DateTimeField(blank=True, help_text='Empty: until it is ended.', null=True),
        ),
        migrations.AddField(
            model_name='wallet',
            name='tier_keeps_until',
            field=models.DateField(blank=True, help_text='The window no longer holds the tier; it is kept until this day.', null=True),
        ),
        migrations.AlterField(
            model_name='tier',
            name='points_from',
            field=models.PositiveIntegerField(default=0, help_text='Qualifying points inside the window.'),
        ),
        migrations.AlterField(
            model_name='transfer',
            name='credit_account',
            field=models.PositiveSmallIntegerField(choices=[(1, 'Issued'), (2, 'Redeemed'), (3, 'Expired'), (4, 'Taken back'), (5, 'In transit between wallets'), (6, 'Opening balance'), (7, 'Goodwill'), (8, 'Given by partners'), (10, 'Available'), (11, 'Pending'), (12, 'Held'), (13, 'Owed')]),
        ),
        migrations.AlterField(
            model_name='transfer',
            name='debit_account',
            field=models.PositiveSmallIntegerField(choices=[(1, 'Issued'), (2, 'Redeemed'), (3, 'Expired'), (4, 'Taken back'), (5, 'In transit between wallets'), (6, 'Opening balance'), (7, 'Goodwill'), (8, 'Given by partners'), (10, 'Available'), (11, 'Pending'), (12, 'Held'), (13, 'Owed')]),
        ),
        migrations.AlterField(
            model_name='transfer',
            name='reason',
            field=models.CharField(choices=[('purchase', 'Purchase'), ('refund', 'Refund'), ('redemption', 'Points spent'), ('expiry', 'Expired'), ('goodwill', 'Goodwill'), ('correction', 'Correction'), ('review', 'Under review'), ('gift', 'Gift'), ('pool', 'Shared with the household'), ('merge', 'Members merged'), ('opening', 'Opening balance'), ('partner', 'Given by a partner')], max_length=12),
        ),
        migrations.AddConstraint(
            model_name='tier',
            constraint=models.CheckConstraint(condition=models.Q(('window_months__gte', 1), ('window_months__lte', 12)), name='a_window_is_a_year_at_most'),
        ),
        migrations.AddField(
            model_name='funding',
            name='source',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='sales.source'),
        ),
        migrations.AddField(
            model_name='giftpolicy',
            name='from_tier',
            field=models.ForeignKey(blank=True, help_text='The lowest tier that may give; empty: every tier.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='loyalty.tier'),
        ),
        migrations.AddField(
            model_name='membership',
            name='member',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='members.member'),
        ),
        migrations.AddField(
            model_name='membershipplan',
            name='tier',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='plans', to='loyalty.tier'),
        ),
        migrations.AddField(
            model_name='membership',
            name='plan',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='loyalty.membershipplan'),
        ),
        migrations.AddField(
            model_name='partner',
            name='source',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='partner', to='sales.source'),
        ),
        migrations.AddField(
            model_name='funding',
            name='partner',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='fundings', to='loyalty.partner'),
        ),
        migrations.AddField(
            model_name='funder',
            name='partner',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='funded', to='loyalty.partner'),
        ),
        migrations.AddField(
            model_name='partnerterms',
            name='partner',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='terms', to='loyalty.partner'),
        ),
        migrations.AddField(
            model_name='poolshare',
            name='household',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pool_shares', to='members.household'),
        ),
        migrations.AddField(
            model_name='poolshare',
            name='member',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pool_shares', to='members.member'),
        ),
        migrations.AddField(
            model_name='tierbenefit',
            name='tier',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='benefits', to='loyalty.tier'),
        ),
        migrations.AddField(
            model_name='tiergrant',
            name='by_user',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='tiergrant',
            name='tier',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='loyalty.tier'),
        ),
        migrations.AddField(
            model_name='tiergrant',
            name='wallet',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tier_grants', to='loyalty.wallet'),
        ),
        migrations.AddConstraint(
            model_name='tierpolicy',
            constraint=models.CheckConstraint(condition=models.Q(('pk', 1)), name='there_is_one_tier_policy'),
        ),
        migrations.AddField(
            model_name='walletmerge',
            name='absorbed',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='loyalty.wallet'),
        ),
        migrations.AddField(
            model_name='walletmerge',
            name='merge',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.membermerge'),
        ),
        migrations.AddField(
            model_name='walletmerge',
            name='survivor',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='loyalty.wallet'),
        ),
        migrations.AddConstraint(
            model_name='giftpolicy',
            constraint=models.CheckConstraint(condition=models.Q(('pk', 1)), name='there_is_one_gift_policy'),
        ),
        migrations.AddIndex(
            model_name='funding',
            index=models.Index(fields=['partner', 'occurred_at'], name='loyalty_funding_by_partner'),
        ),
        migrations.AddConstraint(
            model_name='funding',
            constraint=models.UniqueConstraint(fields=('source', 'client_key', 'partner', 'kind'), name='a_partner_pays_an_act_once'),
        ),
        migrations.AddConstraint(
            model_name='funder',
            constraint=models.UniqueConstraint(fields=('cause', 'partner'), name='a_partner_funds_a_cause_once'),
        ),
        migrations.AddConstraint(
            model_name='funder',
            constraint=models.CheckConstraint(condition=models.Q(('percent__gte', 1), ('percent__lte', 100)), name='a_funder_pays_a_part'),
        ),
        migrations.AddConstraint(
            model_name='partnerterms',
            constraint=models.UniqueConstraint(fields=('partner', 'valid_from'), name='one_set_of_terms_from_a_day'),
        ),
        migrations.AddConstraint(
            model_name='poolshare',
            constraint=models.UniqueConstraint(condition=models.Q(('until__isnull', True)), fields=('member',), name='a_member_pools_in_one_household'),
        ),
        migrations.AddConstraint(
            model_name='poolshare',
            constraint=models.UniqueConstraint(condition=models.Q(('is_head', True), ('until__isnull', True)), fields=('household',), name='a_household_has_one_head'),
        ),
        migrations.AddConstraint(
            model_name='poolshare',
            constraint=models.CheckConstraint(condition=models.Q(('percent__lte', 100)), name='a_share_is_a_hundred_percent_at_most'),
        ),
        migrations.AddConstraint(
            model_name='tiergrant',
            constraint=models.UniqueConstraint(fields=('wallet', 'cause'), name='one_tier_grant_for_one_cause'),
        ),
        migrations.AddConstraint(
            model_name='walletmerge',
            constraint=models.UniqueConstraint(condition=models.Q(('undone_at__isnull', True)), fields=('absorbed',), name='a_wallet_is_merged_once'),
        ),
    ]
