"""What benefits take off a basket: never below zero, to the last minor unit, whatever the order."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from loyalty.spending.pricing import Benefit, Item, price, spread

MILK, BREAD = (1, (10, 11, 12)), (2, (20, 21))


def item(kind, minor, quantity=1):
    return Item(kind[0], kind[1], Decimal(quantity), minor)


def priced(items, *benefits, currency="USD", store_id=1):
    return price(items, benefits, currency=currency, store_id=store_id)


def test_a_percentage_is_off_its_category_and_capped():
    basket = [item(MILK, 999), item(BREAD, 500)]
    assert priced(basket, Benefit(1, "percent", 10, category_id=11)).line_minor == [900, 500]
    assert priced(basket, Benefit(1, "percent", 50, max_minor=300)).total_minor == 1199


def test_an_amount_is_spread_over_the_lines_to_the_last_unit():
    done = priced([item(MILK, 100), item(BREAD, 100), item(BREAD, 100)], Benefit(1, "amount", 100, currency="USD"))
    assert (done.line_minor, done.used[0].line_minor) == ([66, 67, 67], [34, 33, 33])


def test_an_amount_takes_off_no_more_than_there_is_and_keeps_the_rest_when_it_may():
    done = priced([item(MILK, 300)], Benefit(1, "amount", 1000, left_minor=800))
    assert (done.total_minor, done.used[0].minor) == (0, 300)


def test_free_pieces_are_off_the_lines_of_their_product():
    basket = [item(MILK, 300, 3), item(BREAD, 500), item(MILK, 90)]
    assert priced(basket, Benefit(1, "product", 1, product_id=1)).line_minor == [200, 500, 90]
    assert priced(basket, Benefit(1, "product", 4, product_id=1)).line_minor == [0, 500, 0]


def test_what_does_not_apply_says_why():
    basket = [item(MILK, 300)]
    why = {
        "no_line_of_its_kind": Benefit(1, "percent", 10, category_id=99),
        "basket_too_small": Benefit(1, "amount", 10, basket_minor_from=301),
        "other_store": Benefit(1, "amount", 10, store_ids=(7,)),
        "other_currency": Benefit(1, "amount", 10, currency="EUR"),
    }
    for reason, benefit in why.items():
        done = priced(basket, benefit)
        assert (done.refused, done.line_minor, done.used) == ([(benefit, reason)], [300], [])


def test_free_shipping_takes_nothing_off():
    done = priced([item(MILK, 300)], Benefit(1, "shipping", 1))
    assert (done.ships_free, done.line_minor, done.used[0].minor) == (True, [300], 0)


BENEFITS = st.lists(
    st.builds(
        Benefit,
        id=st.integers(1, 10**6),
        kind=st.sampled_from(["percent", "amount", "product"]),
        amount=st.integers(1, 100),
        category_id=st.sampled_from([None, 11, 21]),
        product_id=st.sampled_from([1, 2]),
        currency=st.just("USD"),
        max_minor=st.sampled_from([None, 5, 70]),
        basket_minor_from=st.sampled_from([0, 500]),
        left_minor=st.sampled_from([None, 0, 30]),  # never below zero: the database sees to it
        store_ids=st.sampled_from([None, (1,), (2,)]),
    ),
    max_size=4,
    unique_by=lambda one: one.id,
)
ITEMS = st.lists(
    st.builds(item, st.sampled_from([MILK, BREAD]), st.integers(0, 10_000), st.integers(0, 5)), min_size=1, max_size=5
)


@given(items=ITEMS, benefits=BENEFITS, data=st.data())
def test_nothing_is_below_zero_and_the_order_of_naming_does_not_matter(items, benefits, data):
    done = priced(items, *benefits)
    assert min(done.line_minor) >= 0
    taken = sum(used.minor for used in done.used)
    assert done.total_minor + taken == sum(one.total_minor for one in items)
    assert all(used.minor == sum(used.line_minor) and min(used.line_minor) >= 0 for used in done.used)
    again = priced(items, *data.draw(st.permutations(benefits)))
    assert (again.line_minor, again.used) == (done.line_minor, done.used)


@given(amount=st.integers(0, 10**9), weights=st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_an_amount_is_spread_without_loss(amount, weights):
    shares = spread(amount, weights)
    assert sum(shares) == (amount if any(weights) else 0)
    assert all(share >= 0 and (weight or not share) for share, weight in zip(shares, weights, strict=True))
    if amount <= sum(weights):
        assert all(share <= weight for share, weight in zip(shares, weights, strict=True))
