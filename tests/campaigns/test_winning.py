import numpy as np

from campaigns.winning import InPart, Reached, is_harmful, standing, within_parts

LOOKS = 20


def reached(variant, values):
    return Reached(variant, f"V{variant}", len(values), float(values.sum()), float((values**2).sum()))


def certain_at_some_look(chance, rates):
    """Whether a campaign of these rates, looked at twenty times while members come in, ever names a certain winner."""
    bought = [chance.random(2000) < rate for rate in rates]
    for look in range(1, LOOKS + 1):
        n = 2000 * look // LOOKS
        found = standing([reached(i, b[:n].astype(float)) for i, b in enumerate(bought)], share_of_plan=look / LOOKS)
        if found.is_certain:
            return found.leader.variant_id
    return None


def test_equal_variants_get_a_certain_winner_less_than_once_in_twenty_however_often_one_looks():
    chance = np.random.default_rng(3)
    named = sum(certain_at_some_look(chance, (0.1, 0.1, 0.1)) is not None for _run in range(300))
    assert named <= 15


def test_a_variant_that_is_much_better_wins_before_the_time_is_over():
    chance = np.random.default_rng(4)
    assert [certain_at_some_look(chance, (0.10, 0.18)) for _run in range(20)] == [1] * 20


def test_nothing_is_certain_of_a_handful_of_members():
    few = [reached(0, np.zeros(20)), reached(1, np.ones(20) * 0.9 + np.arange(20) * 0.001)]
    assert not standing(few, share_of_plan=1).is_certain
    assert standing(few[:1], share_of_plan=1) is None


def test_the_brake_needs_more_than_bad_luck():
    assert not is_harmful(3, 100, percent_max=2, share_of_plan=0.1)
    assert not is_harmful(9, 40, percent_max=2, share_of_plan=1)
    assert is_harmful(40, 400, percent_max=2, share_of_plan=0.4)


def parts_of(rng, *, shares, rates, gain, members=4_000):
    """What two variants reached in parts of so many members, of which the first had these shares; the second sells `gain` more."""
    rows = []
    for number, (share, rate) in enumerate(zip(shares, rates, strict=True), start=1):
        of_first = rng.random(members) < share
        bought = rng.random(members) < np.where(of_first, rate, rate + gain)
        for variant, mine, chance in ((0, bought[of_first], share), (1, bought[~of_first], 1 - share)):
            rows.append(InPart(variant, number, len(mine), float(mine.sum()), float(mine.sum()), chance))
    return rows


def between(found):
    return found[1][1] / found[1][0] - found[0][1] / found[0][0]


def test_parts_that_had_more_time_make_nobody_look_better():
    rng = np.random.default_rng(11)
    shares, rates = (0.9, 0.5, 0.15), (0.30, 0.15, 0.05)  # the first variant had the part that had the most time
    drawn = [parts_of(rng, shares=shares, rates=rates, gain=gain) for gain in (0.0, 0.02) for _ in range(40)]
    apart = [between(within_parts(rows)) for rows in drawn]
    assert abs(np.mean(apart[:40])) < 0.004
    assert abs(np.mean(apart[40:]) - 0.02) < 0.004
    pooled = [
        [sum(row.total for row in rows if row.variant_id == one) / sum(row.n for row in rows if row.variant_id == one) for one in (0, 1)]
        for rows in drawn[:40]
    ]  # fmt: skip
    assert (
        np.mean([second - first for first, second in pooled]) < -0.1
    )  # what adding the parts up would say of two equal ones


def test_one_part_is_read_as_it_is_and_a_part_with_one_variant_compares_nothing():
    first = [InPart(1, 1, 200, 20.0, 20.0, 0.7), InPart(2, 1, 90, 18.0, 18.0, 0.3)]
    assert within_parts(first) == {1: (200, 20.0, 20.0), 2: (90, 18.0, 18.0)}
    assert within_parts([*first, InPart(2, 2, 5_000, 10.0, 10.0, 1.0)]) == within_parts(first)
    assert within_parts([InPart(2, 2, 50, 10.0, 10.0, 1.0)]) == {2: (50, 10.0, 10.0)}
    assert within_parts([]) == {}
