"""News from the floor. What stays of an erased member in the ledger names nobody: wallet and entries, so that sums hold."""

from django.dispatch import receiver

from loyalty import personal_data
from members.signals import member_erased, personal_data_asked


@receiver(personal_data_asked)
def tell(member_id, **_news):
    return personal_data.sections(member_id)


@receiver(member_erased)
def forget(member_id, **_news):
    personal_data.forget(member_id)
