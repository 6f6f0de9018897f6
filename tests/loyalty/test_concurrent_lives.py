"""Many connections at once, and the model in the order of the wallets' versions."""

from loyalty import events, verifying
from loyalty.models import Wallet
from tests.loyalty.machine import refuses
from tests.loyalty.runner import Runner


def test_calls_of_many_connections_come_to_what_the_model_says_in_the_order_of_versions(committed_shop):
    runner = Runner(committed_shop, seed=1)
    runner.round(calls=30)
    runner.pass_time()
    runner.round(calls=30)
    found = runner.contradictions()
    assert not found, "\n".join(found)
    assert refuses(verifying.verify()) == []
    told = events.of_wallets(dict.fromkeys(Wallet.objects.values_list("pk", flat=True), 0), limit=10**6)
    for wallet in Wallet.objects.all():  # events tell every version once, the last of them with the balance of now
        assert [event.version for event in told[wallet.pk]] == list(range(1, wallet.version + 1))
        assert told[wallet.pk][-1].available == wallet.available
    kinds = {call.kind for call in runner.calls.values()}
    assert {"buy", "redeem", "refund", "give", "hold", "capture", "adjust", "merge"} <= kinds
