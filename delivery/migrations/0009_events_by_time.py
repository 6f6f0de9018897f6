from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    """Sending goes on while it is built."""

    atomic = False
    dependencies = [('delivery', '0008_messages_about_points_and_surveys')]

    operations = [
        AddIndexConcurrently(
            'messageevent',
            BrinIndex(fields=['at'], name='delivery_event_by_time', pages_per_range=32, autosummarize=True),
        ),
    ]
