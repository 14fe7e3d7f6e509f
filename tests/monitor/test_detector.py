"""The alerts that planted rows give, and rows that give none."""

import math
import re

import numpy as np
import pytest

from jaxgan import monitor
from jaxgan.monitor import symptoms
from jaxgan.monitor.detector import Thresholds, alerts

EVERY = 50  # rounds per row, as in a run of 20,000


def rows(count=200, every=EVERY, seed=0, batch=64, **planted):
    """Rows of a healthy game, noisy as batches are, but for what is planted.

    A planted metric is a number, or a function of the round.
    """
    chance = np.random.default_rng(seed)
    healthy = {
        "accuracy_real": 0.68,
        "accuracy_fake": 0.66,
        "logit_real": 0.4,
        "logit_fake": -0.4,
        "logit_std": 0.8,
        "diversity": 0.97,
    }
    found = []
    for number in range(every, every * (count + 1), every):
        row = {"round": number, "step": number}
        for name, value in (healthy | planted).items():
            value = value(number) if callable(value) else value
            if value is not None and name.startswith("accuracy"):
                value = chance.binomial(batch, value) / batch
            if name == "diversity":
                value = value * (1 + chance.normal(0, 0.03))
            row[name] = value
        found.append(row)
    return found


def without_threshold(**planted):
    """Rows for a loss that only compares pairs."""
    names = {"accuracy_pairs": 0.8, "accuracy_real": None, "accuracy_fake": None}
    return rows(**(names | planted))


def after(number, now, before):
    return lambda played: now if played > number else before


def kinds(found):
    return [each.kind for each in found]


WINNING = {"logit_real": 6.0, "logit_fake": -6.0, "logit_std": 6.1}  # d' = 10.9
ALWAYS_RIGHT = {"accuracy_real": 1.0, "accuracy_fake": 1.0}
BALANCED = {"accuracy_real": 0.5, "accuracy_fake": 0.5}


# --- Silence


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", [rows, without_threshold])
@pytest.mark.parametrize(("every", "batch"), [(5, 64), (50, 16), (1250, 128)])
def test_a_healthy_game_gives_no_alert(seed, make, every, batch):
    assert alerts(make(count=400, every=every, batch=batch, seed=seed)) == []


def test_a_slow_start_gives_no_alert():
    def rising(played):
        return min(0.97, 0.25 + max(0, played - 1000) / 1000)

    later = {"logit_real": 0.4, "logit_fake": -0.4, "logit_std": 0.8}
    later |= {"accuracy_real": 0.68, "accuracy_fake": 0.66}
    winning = WINNING | ALWAYS_RIGHT
    at_first = {name: after(1000, later[name], winning[name]) for name in later}
    assert alerts(rows(diversity=rising, **at_first)) == []
    assert alerts(rows(every=1, count=2500, diversity=rising, **at_first)) == []


def test_too_few_rows_show_nothing():
    assert alerts(rows(count=19, every=1000, diversity=0.0, **WINNING, **ALWAYS_RIGHT)) == []
    assert alerts([]) == []
    assert alerts({}) == []


# --- Equilibrium


def learnt(**planted):
    """A game whose discriminator is better than chance at first."""
    later = {name: after(2000, value, 0.9) for name, value in planted.items() if "acc" in name}
    logits = {"logit_real": after(2000, 0.02, 0.4), "logit_fake": after(2000, -0.02, -0.4)}
    return logits | planted | later


def test_balance_of_a_collapsed_game_is_no_equilibrium():
    found = alerts(rows(diversity=0.2, **learnt(**BALANCED)))
    assert kinds(found) == ["collapse"]


def test_balance_at_one_half_is_an_equilibrium():
    (found,) = alerts(rows(**learnt(**BALANCED)))
    assert found.kind == "equilibrium"
    assert 2000 < found.step <= 2000 + 2 * 20 * EVERY
    assert re.search(r"accuracy_real 0\.(49|5)", found.message)
    assert "logit_std 0.8" in found.message
    (found,) = alerts(without_threshold(**learnt(accuracy_pairs=0.52)))
    assert found.kind == "equilibrium"


def test_balance_from_the_first_round_on_is_no_equilibrium_but_fails():
    (found,) = alerts(rows(**BALANCED, logit_real=0.01, logit_fake=0.0))
    assert found.kind == "discriminator-fails"


@pytest.mark.parametrize(
    "planted",
    [
        {"accuracy_real": 0.3, "accuracy_fake": 0.7},  # 50% on average, but one-sided
        {"accuracy_real": 0.65, "accuracy_fake": 0.65},
        {"accuracy_real": lambda played: played // EVERY % 2, "accuracy_fake": 0.5},  # swings
    ],
    ids=["one-sided", "above chance", "swinging"],
)
def test_one_half_without_balance_is_none(planted):
    if any(callable(value) for value in planted.values()):
        found = alerts(rows(logit_real=after(2000, 0.02, 0.4), **planted))
    else:
        found = alerts(rows(**learnt(**planted)))
    assert found == []


def test_a_constant_discriminator_is_no_equilibrium_but_fails():
    constant = {"logit_real": 0.0, "logit_fake": 0.0, "logit_std": 0.0}
    (found,) = alerts(rows(accuracy_real=0.0, accuracy_fake=1.0, **constant))
    assert found.kind == "discriminator-fails"
    assert "constant" in found.message
    later = {"logit_real": after(3000, 0.0, 1.0), "logit_std": after(3000, 1e-6, 0.8)}
    later |= {name: after(3000, 0.5, 0.68) for name in BALANCED}
    (found,) = alerts(rows(logit_fake=0.0, **later))  # even with accuracies of 50%
    assert found.kind == "discriminator-fails"
    assert 3000 < found.step <= 3000 + 2 * 20 * EVERY


# --- The discriminator


def test_a_discriminator_that_wins_outright_is_found():
    (found,) = alerts(rows(**ALWAYS_RIGHT, **WINNING))
    assert found.kind == "discriminator-wins"
    assert found.step <= 1000 + 2 * 20 * EVERY
    assert "10.9 standard deviations apart" in found.message
    assert kinds(alerts(without_threshold(accuracy_pairs=1.0, **WINNING))) == [found.kind]


def test_a_discriminator_that_is_right_by_little_does_not_win():
    near = {"logit_real": 0.15, "logit_fake": -0.15, "logit_std": 0.17}  # d' = 3.8
    assert alerts(rows(**ALWAYS_RIGHT, **near)) == []
    assert alerts(without_threshold(accuracy_pairs=1.0, **near)) == []
    assert alerts(rows(accuracy_real=0.9, accuracy_fake=0.9, **WINNING)) == []


def test_a_discriminator_that_never_learns_fails():
    fooled = {"logit_real": 0.1, "logit_fake": 0.3, "logit_std": 0.2}
    (found,) = alerts(rows(accuracy_real=0.9, accuracy_fake=0.0, **fooled))
    assert found.kind == "discriminator-fails"
    assert found.step <= 1000 + 2 * 20 * EVERY
    assert "never better than chance" in found.message
    assert kinds(alerts(without_threshold(accuracy_pairs=0.2, **fooled))) == [found.kind]


def test_a_discriminator_whose_threshold_lags_behind_does_not_fail():
    apart = {"logit_real": 0.11, "logit_fake": 0.02, "logit_std": 0.06}  # all above 0
    assert alerts(rows(accuracy_real=1.0, accuracy_fake=0.0, **apart)) == []


def test_a_discriminator_fooled_for_a_while_has_not_failed():
    fooled = {"logit_real": after(4000, -0.3, 0.4), "logit_fake": after(4000, 0.0, -0.4)}
    assert alerts(rows(accuracy_real=0.3, accuracy_fake=0.3, **fooled)) == []


# --- Oscillation


def swinging(**planted):
    """Logits whose d' is 2 for 500 rounds and -2 for the next 500."""
    side = {"logit_real": lambda played: 1.0 if played // 500 % 2 else -1.0}
    return side | {"logit_fake": 0.0, "logit_std": math.sqrt(0.5)} | planted


def test_a_discriminator_that_is_right_and_wrong_in_turn_oscillates():
    (found,) = alerts(rows(**swinging()))
    assert found.kind == "oscillation"
    assert found.step <= 1000 + 2 * 20 * EVERY
    assert "in 50% of the rows, and below them by as much in 50%" in found.message
    assert kinds(alerts(without_threshold(**swinging()))) == ["oscillation"]


def test_small_swings_or_swings_to_one_side_are_no_oscillation():
    small = alerts(rows(**swinging(logit_std=1.2)))  # d' = 0.92
    assert kinds(small) == ["discriminator-fails"]  # on average at chance
    one_sided = {"logit_real": lambda played: 1.0 if played // 500 % 2 else -0.2}
    assert alerts(rows(**swinging(**one_sided))) == []


def test_the_noise_of_small_batches_is_no_oscillation():
    chance = np.random.default_rng(0)
    seen = rows(count=1000)
    for row in seen:
        real, fake = chance.normal(size=(2, 16))
        std = np.concatenate([real, fake]).std()
        row |= {"logit_real": real.mean(), "logit_fake": fake.mean(), "logit_std": std}
    assert "oscillation" not in kinds(alerts(seen))


def test_rows_whose_logits_are_partly_unknown_show_no_oscillation():
    seen = rows(**swinging())
    for row in seen[::3]:
        row["logit_std"] = math.nan
    assert "oscillation" not in kinds(alerts(seen))


# --- The generator


def test_collapse_is_found_within_two_windows():
    found = alerts(rows(diversity=after(4000, 0.05, 0.97)))
    assert set(kinds(found)) == {"collapse", "deterioration"}
    collapse = next(each for each in found if each.kind == "collapse")
    assert 4000 < collapse.step <= 4000 + 2 * 20 * EVERY
    assert "at best 0.9" in collapse.message


def test_samples_that_were_always_alike_are_a_collapse():
    (found,) = alerts(rows(diversity=0.02))
    assert found.kind == "collapse"
    assert found.step <= 1000 + 2 * 20 * EVERY


@pytest.mark.parametrize(
    "diversity",
    [
        after(4000, 0.9, 1.6),  # more than that of the data was no better
        after(4000, 0.8, 0.97),
        lambda played: 0.1 if 4000 < played <= 4300 else 0.97,
    ],
    ids=["noise before", "a little less", "for a moment"],
)
def test_diversity_that_varies_is_no_collapse(diversity):
    assert alerts(rows(diversity=diversity)) == []


def test_less_diversity_is_a_deterioration():
    (found,) = alerts(rows(diversity=after(4000, 0.6, 0.97)))
    assert found.kind == "deterioration"
    assert 4000 < found.step <= 4000 + 2 * 20 * EVERY
    assert "--keep-best" in found.message


@pytest.mark.parametrize("mode", ["min", "max"])
def test_any_score_may_deteriorate_even_one_of_few_rows(mode):
    sign = 1 if mode == "min" else -1

    def score(played):  # of an evaluation in every fifth row; at its best at 5000
        value = 20.0 + sign * (3.0 if played > 5000 else -5.0)
        return value if played % (5 * EVERY) == 0 else None

    limits = Thresholds(score="distance", mode=mode)
    (found,) = alerts(rows(distance=score, count=400), limits)
    assert found.kind == "deterioration"
    assert 5000 < found.step <= 5000 + (2 * 20 + 5) * EVERY
    assert "at best 15" in found.message or "at best 25" in found.message
    better = Thresholds(score="distance", mode="max" if mode == "min" else "min")
    assert alerts(rows(distance=score, count=400), better) == []


def test_noise_of_a_score_about_zero_is_no_deterioration():
    chance = np.random.default_rng(1)
    noise = {"distance": lambda played: chance.normal()}
    assert alerts(rows(count=1000, **noise), Thresholds(score="distance", mode="min")) == []


# --- When alerts are given


def test_an_alert_that_lasts_is_given_once_and_again_when_it_begins_anew():
    def diversity(played):
        return 0.05 if 4000 < played <= 8000 or played > 14_000 else 0.97

    found = alerts(rows(count=400, diversity=diversity))
    assert kinds(found).count("collapse") == 2
    first, second = (each.step for each in found if each.kind == "collapse")
    assert first < 8000
    assert second > 14_000


def test_flicker_gives_one_alert():
    found = alerts(rows(count=400, diversity=lambda p: 0.05 if p > 4000 and p % 3000 else 0.97))
    assert kinds(found).count("collapse") == 1


def test_time_is_measured_in_rows_and_in_rounds():
    for every in (1, 7, 50, 500):
        window = max(200, 20 * every)
        planted = {"diversity": after(4 * window + 1000, 0.05, 0.97)}
        found = alerts(rows(count=(8 * window + 1000) // every, every=every, **planted))
        (collapse,) = (each for each in found if each.kind == "collapse")
        assert 0 < collapse.step - (4 * window + 1000) <= 2 * window


def test_all_follows_from_the_rows_whoever_reads_them():
    seen = rows(diversity=after(4000, 0.05, 0.97), **learnt(**BALANCED))
    whole = alerts(seen)
    assert set(kinds(whole)) == {"equilibrium", "collapse", "deterioration"}
    state, parts, states = monitor.init(), [], []
    for row in seen:
        states.append((len(parts), state))
        state, found = monitor.observe(state, row)
        parts += found
    assert parts == whole
    for place in (0, 1, 57, 100, 130):  # an old state is as it was
        before, state = states[place]
        again = []
        for row in seen[place:]:
            state, found = monitor.observe(state, row)
            again += found
        assert whole[before:] == again


def test_a_history_shows_what_a_run_would_log():
    every_round = rows(count=4000, every=1, diversity=after(2000, 0.05, 0.97))
    names = {name for name in every_round[0] if every_round[0][name] is not None}
    history = {name: np.array([row[name] for row in every_round]) for name in names}
    history["generator_loss"] = np.full(4000, np.nan)
    assert alerts(history) == alerts(every_round[9::10])
    assert "collapse" in kinds(alerts(history))


def test_values_that_are_not_there_are_left_out():
    lost = rows(diversity=after(4000, 0.05, 0.97))
    for row in lost[::3]:
        row["diversity"] = math.nan
    for row in lost[1::3]:
        row["diversity"] = None
    assert "collapse" in kinds(alerts(lost))
    assert alerts([{"round": i, "step": i} for i in range(3000)]) == []


def test_an_alert_says_what_where_and_what_to_try():
    found = alerts(rows(diversity=0.02))[0]
    assert str(found) == f"step {found.step}: collapse: {found.message}"
    assert "diversity 0.02" in found.message
    assert "try" in found.message


# --- Bad input


def test_bad_input_is_explained():
    with pytest.raises(ValueError, match="row must have a round and a step, but has no step"):
        alerts([{"round": 1}])
    with pytest.raises(ValueError, match="has no round"):
        alerts({"diversity": np.ones(3)})
    with pytest.raises(ValueError, match="mode must be one of max, min, got 'best'"):
        alerts(rows(count=1), Thresholds(mode="best"))
    with pytest.raises(ValueError, match="rows must be finite and 0 or more, got -1"):
        alerts(rows(count=1), Thresholds(rows=-1))


# --- Sensitivity


@pytest.mark.parametrize("apart", [-0.5, 0.0, 1.0, 3.0])
def test_sensitivity_is_that_of_normal_logits(apart):
    chance = np.random.default_rng(0)
    real, fake = chance.normal(size=(2, 100, 2000)) * 3 + 7
    real = real + 3 * apart
    windows = {
        "logit_real": real.mean(axis=1),
        "logit_fake": fake.mean(axis=1),
        "logit_std": np.concatenate([real, fake], axis=1).std(axis=1),
    }
    assert symptoms.sensitivity(windows) == pytest.approx(apart, abs=0.02)
    pairs = 0.5 * (1 + math.erf(apart / 2))  # Phi(d' / sqrt(2))
    assert np.mean(real > fake) == pytest.approx(pairs, abs=0.01)


def test_sensitivity_without_any_deviation_is_finite():
    for real, fake, std, expected in ((0, 0, 0, 0), (1, -1, 1, 1000), (-1, 1, 1, -1000)):
        windows = {"logit_real": [real], "logit_fake": [fake], "logit_std": [std]}
        assert symptoms.sensitivity(windows) == pytest.approx(expected)
    assert symptoms.sensitivity({"logit_real": [0.0]}) is None
