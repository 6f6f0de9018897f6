from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Tills go on while it is built: first the wider index, then away with the one it replaces."""

    atomic = False
    dependencies = [('sales', '0008_sums_of_members_from_the_index')]

    operations = [
        AddIndexConcurrently(
            'purchase',
            models.Index(fields=['purchased_at'], include=['member', 'kind', 'total_minor'], name='sales_purchase_sums_by_time'),
        ),
        RemoveIndexConcurrently('purchase', 'sales_purchase_when'),
    ]
