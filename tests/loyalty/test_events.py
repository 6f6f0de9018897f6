"""Events: every change of points, in order, with the balance and a version that never skips."""

from django.utils import timezone

from loyalty import events, queries


def test_every_change_is_an_event_with_balance_and_the_next_version(shop):
    member = shop.member()
    sale = shop.buy(member, 10_000, key="r1")
    shop.redeem(member, 70, key="spend")
    shop.refund(sale, (1, 10_000), key="back")
    wallet = queries.wallet_of(member.pk)
    found = events.of_wallet(wallet.pk)
    assert [(e.version, e.reason, e.change, e.available, e.points, e.key) for e in found] == [
        (1, "purchase", 100, 100, 100, "r1"),
        (2, "redemption", -70, 30, 70, "spend"),
        (3, "refund", -30, 0, 30, "back"),
        (4, "refund", 0, 0, 70, "back"),
    ]
    assert {e.wallet for e in found} == {wallet.public_id}
    assert found[0].purchase == sale.public_id
    assert events.of_wallet(wallet.pk, after=2) == found[2:]
    assert events.of_wallet(wallet.pk, limit=2) == found[:2]


def test_many_wallets_are_read_in_one_query(shop, django_assert_num_queries):
    members = [shop.member() for _ in range(3)]
    for member in members:
        shop.buy(member, 10_000)
        shop.buy(member, 5_000)
    wallets = [queries.wallet_of(member.pk).pk for member in members]
    for count in (1, 3):
        with django_assert_num_queries(1):
            found = events.of_wallets(dict.fromkeys(wallets[:count], 1))
        assert [[e.version for e in found[pk]] for pk in wallets[:count]] == [[2]] * count


def test_what_changed_lately_is_found_by_time(shop):
    member = shop.member()
    shop.buy(member, 10_000)
    middle = timezone.now()
    shop.buy(member, 10_000)
    wallet = queries.wallet_of(member.pk)
    first = events.of_wallet(wallet.pk)[0].posted_at
    assert events.changed_since(first) == [(wallet.pk, 1)]
    assert events.changed_since(middle) == [(wallet.pk, 2)]
    assert events.changed_since(timezone.now()) == []
    assert events.versions([wallet.pk]) == {wallet.pk: 2}
