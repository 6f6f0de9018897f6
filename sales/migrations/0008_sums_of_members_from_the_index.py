from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Tills go on while it is built: first the wider index, then away with the one it replaces."""

    atomic = False
    dependencies = [('sales', '0007_callers_make_public_ids')]

    operations = [
        AddIndexConcurrently(
            'purchase',
            models.Index(fields=['member', 'purchased_at'], include=['kind', 'total_minor'], name='sales_purchase_sums_of_member'),
        ),
        RemoveIndexConcurrently('purchase', 'sales_purchase_of_member'),
    ]
