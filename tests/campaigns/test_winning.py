import numpy as np

from campaigns.winning import Reached, is_harmful, standing

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
