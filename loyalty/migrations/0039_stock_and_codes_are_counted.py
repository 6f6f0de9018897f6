"""Say how much stock and how many codes were put in, so that what was handed out can be reconciled with it."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('loyalty', '0038_rules_with_a_memory_walk_the_short_way'),
    ]

    operations = [
        migrations.AddField(
            model_name='reward',
            name='stock_put_in',
            field=models.PositiveIntegerField(editable=False, help_text='What was handed out and what is left came to so many when the stock was last counted.', null=True),
        ),
        migrations.AddField(
            model_name='voucherpool',
            name='codes_put_in',
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False, help_text='How many codes were ever made or brought in.'),
        ),
        migrations.RunSQL(
            """
            UPDATE loyalty_reward r SET stock_put_in = r.stock_left
                 + (SELECT count(*) FROM loyalty_redemption d WHERE d.reward_id = r.id AND d.state = 'granted')
             WHERE r.stock_left IS NOT NULL;
            UPDATE loyalty_voucherpool p SET codes_put_in = (SELECT count(*) FROM loyalty_voucher v WHERE v.pool_id = p.id);
            """,
            migrations.RunSQL.noop,
        ),
    ]
