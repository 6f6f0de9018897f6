import json

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from insights import value
from insights.value import BgNbd, GammaGamma, History

# Parameters that Fader, Hardie and Lee (2005) published for the CDNOW sample.
CDNOW = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426, log_likelihood=-9582.4)
WORTH = GammaGamma(p=6.25, q=3.74, v=15.44, log_likelihood=0.0, correlation=0.0)


def history(*rows):
    x, tx, age = np.array(rows, float).T
    return History(x, tx, age, np.full(len(x), 20.0))


def lived(members, *, seed=1, weeks=39.0):
    """Members who bought as the model says, with the published parameters."""
    chance = np.random.default_rng(seed)
    age = np.floor(chance.uniform(27, weeks, members))
    rate, leaving = chance.gamma(CDNOW.r, 1 / CDNOW.alpha, members), chance.beta(CDNOW.a, CDNOW.b, members)
    x, tx, at, alive = np.zeros(members), np.zeros(members), np.zeros(members), np.ones(members, bool)
    while alive.any():
        at = at + chance.exponential(1 / rate)
        alive &= at < age
        x[alive], tx[alive] = x[alive] + 1, at[alive]
        alive &= chance.random(members) > leaving
    return History(x, tx, age, np.zeros(members))


def test_the_published_example_is_reproduced():
    one = history((2, 30.43, 38.86))
    assert CDNOW.purchases(one, 39)[0] == pytest.approx(1.226, abs=2e-3)
    assert CDNOW.alive(one)[0] == pytest.approx(0.7266, abs=1e-3)
    assert CDNOW.purchases(history((0, 0, 38.86)), 39)[0] == pytest.approx(0.1951, abs=1e-3)
    assert CDNOW.alive(history((0, 0, 38.86)))[0] == 1.0


def test_parameters_that_made_the_data_are_found_again():
    found = value.fit_bg_nbd(*lived(60_000).binned())
    for name in ("r", "alpha", "a", "b"):
        assert getattr(found, name) == pytest.approx(getattr(CDNOW, name), rel=0.12)


def test_counting_members_alike_once_changes_little():
    raw = lived(20_000)
    whole, binned = value.fit_bg_nbd(raw), value.fit_bg_nbd(*raw.binned())
    for name in ("r", "alpha", "a", "b"):
        assert getattr(binned, name) == pytest.approx(getattr(whole, name), rel=0.03)
    assert len(raw.binned()[1]) < 6000


def test_the_gradient_is_that_of_the_likelihood():
    of, at = lived(300), np.array([0.3, 4.0, 0.7, 2.0])
    ones = np.ones(300)
    _, gradient = value._bg_nbd_likelihood(at, of, ones)
    for n in range(4):
        step = np.ones(4)
        step[n] = np.exp(1e-5)
        up, down = (value._bg_nbd_likelihood(at * step**sign, of, ones)[0] for sign in (1, -1))
        assert gradient[n] == pytest.approx((up - down) / 2e-5, rel=1e-4)


def test_what_a_purchase_is_worth_is_found_again_in_any_currency():
    chance = np.random.default_rng(2)
    x = chance.integers(1, 9, 8000).astype(float)
    rate = chance.gamma(WORTH.q, 1 / WORTH.v, 8000)
    mean = chance.gamma(WORTH.p * x, 1 / (rate * x))
    found = value.fit_gamma_gamma(History(x, x, x, mean))
    assert found.p == pytest.approx(WORTH.p, rel=0.15)
    assert found.q == pytest.approx(WORTH.q, rel=0.1)
    cents = value.fit_gamma_gamma(History(x, x, x, 100 * mean))
    assert cents.v == pytest.approx(100 * found.v, rel=1e-3)
    assert found.mean_value(History(np.zeros(1), x[:1], x[:1], np.zeros(1)))[0] == pytest.approx(
        found.p * found.v / (found.q - 1)
    )


@given(st.integers(0, 60), st.floats(0, 1), st.floats(0.5, 400), st.floats(0.5, 200))
def test_forecasts_are_numbers_that_make_sense(x, share, age, horizon):
    one = History(np.array([float(x)]), np.array([share * age if x else 0.0]), np.array([age]), np.array([20.0]))
    alive, expected = CDNOW.alive(one)[0], CDNOW.purchases(one, horizon)[0]
    assert 0 <= alive <= 1
    assert 0 <= expected < 1e4
    assert CDNOW.purchases(one, 2 * horizon)[0] >= expected - 1e-9


def test_a_forecast_lies_in_its_interval_and_the_intervals_hold():
    of = history((0, 0, 30), (2, 20, 30), (12, 29, 30), (12, 5, 30))
    found = value.foretell(of, buying=CDNOW, paying=WORTH, horizon=26, seed=1)
    assert (found.purchases_low <= found.purchases).all()
    assert (found.purchases <= found.purchases_high).all()
    assert (found.value_low <= found.value).all()
    assert (found.value <= found.value_high).all()
    draws = CDNOW.draw(of, 26, np.random.default_rng(3), draws=20_000)
    np.testing.assert_allclose(draws.mean(axis=0), found.purchases, rtol=0.06, atol=1e-3)


def test_purchases_of_one_day_are_one_and_the_first_is_no_repeat():
    member, day = np.array([5, 5, 5, 5, 9, 9]), np.array([100, 100, 107, 128, 100, 140])
    codes, of = value.histories(member, day, np.array([1.0, 2, 10, 30, 5, 7]), end=135)
    assert codes.tolist() == [5, 9]
    assert (of.x.tolist(), of.tx.tolist(), of.age.tolist()) == ([2, 0], [4, 0], [5, 5])
    assert of.value.tolist() == [20.0, 0.0]


def test_nobody_who_came_back_is_said_in_words():
    with pytest.raises(value.CannotFit, match="Nobody bought twice"):
        value.fit_bg_nbd(history((0, 0, 30)))
    with pytest.raises(value.CannotFit, match="Fewer than three"):
        value.fit_gamma_gamma(history((0, 0, 30)))


def test_the_command_prints_parameters_and_the_holdout(tmp_path, capsys):
    chance = np.random.default_rng(4)
    rows = ["time,member,line_total"]
    for member in range(200):
        days = np.cumsum(chance.geometric(0.03, chance.integers(1, 9)))
        rows += [
            f"{np.datetime64('2024-01-01') + int(day)},m{member},{chance.gamma(4, 5):.2f}" for day in days if day < 330
        ]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(rows))
    said = {"input": path, "calibration_end": "2024-08-31", "output": tmp_path / "o.json", "plot": tmp_path / "p.svg"}
    call_command("fit_value_model", **said)
    told = capsys.readouterr().out
    assert "BG/NBD       r=" in told
    assert "LL=-" in told
    answer = json.loads(said["output"].read_text())
    assert answer["holdout"]["made"] == sum(round(one["made"] * one["members"]) for one in answer["holdout"]["bins"])
    assert "<svg" in said["plot"].read_text()
    with pytest.raises(CommandError, match="is not a date"):
        call_command("fit_value_model", input=path, calibration_end="soon")
