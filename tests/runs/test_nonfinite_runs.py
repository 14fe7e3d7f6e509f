"""Losses, gradients and states that are not finite, in whole runs, under each policy."""

import jax
import numpy as np
import pytest
from small_game import (
    PLANTED_ROUND,
    assert_as_undisturbed,
    begin,
    command,
    events,
    finite,
    go_on,
    marked_sample,
    order_of,
    run_key,
    small_gan,
    small_options,
    state_at,
)

import jaxgan
from jaxgan import nonfinite
from jaxgan.recipes import RECIPES
from jaxgan.runs import record
from jaxgan.runs import train as runs
from jaxgan.runs.disk import checkpoint
from jaxgan.runs.disk.log import metrics_rows
from jaxgan.runs.settings.config import read_config
from jaxgan.training.keys import training_keys
from jaxgan.training.state import init_run
from jaxgan.types import Batch

pytestmark = pytest.mark.usefixtures("small")

# --- A loss is not finite


def test_the_planted_sample_is_met_where_it_should_be():
    rounds = np.flatnonzero((order_of(run_key()) == marked_sample()).any(axis=1)) + 1
    assert rounds.tolist() == [PLANTED_ROUND]


@pytest.mark.slow
def test_a_run_stops_at_a_loss_that_is_not_finite_and_says_where(tmp_path):
    run = tmp_path / "run"
    message = "non-finite discriminator loss at step 7 (round 7)"
    with pytest.raises(nonfinite.NonFiniteError) as caught:
        begin(run, recipe="planted")
    assert str(caught.value) == message
    for _ in range(2):
        assert [event["message"] for event in events(run, "nonfinite")][-1] == message
        assert events(run, "nonfinite")[-1]["round"] == 7
        assert finite(run) == ([4], True)
        rounds = [row["round"] for row in metrics_rows(run)]
        assert rounds == sorted(set(rounds))
        assert command("resume", run) == (2, f"Error: {message}\n")  # and there it stops again


@pytest.mark.slow
def test_a_stopped_run_can_go_on_by_skipping(tmp_path):
    run, other = tmp_path / "run", tmp_path / "other"
    with pytest.raises(nonfinite.NonFiniteError):
        begin(run, recipe="planted")
    skipping = read_config(run).options
    skipping = skipping._replace(plan=skipping.plan._replace(nonfinite="skip"))
    runs.train_run(skipping, run)
    begin(other, recipe="planted", plan=skipping.plan)
    assert events(run, "settings")[-1]["message"].endswith("plan.nonfinite: 'stop' -> 'skip'")
    assert [row["round"] for row in metrics_rows(run)] == list(range(1, 13))
    states = [jax.tree.leaves(state_at(each, 12).gan) for each in (run, other)]
    for mine, theirs in zip(*states, strict=True):  # compiled with and without skipping
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


def played_by_hand(skipped_round):
    """The game, turn by turn, without the discriminator's turn of one round."""
    gan = small_gan((3,))
    x = np.load(RECIPES["small"].data.removeprefix("npz:"))["x"]
    rounds_key = training_keys(run_key()).rounds
    state = init_run(run_key(), gan, x, RECIPES["small"].plan).gan
    discriminator = jax.jit(jaxgan.make_discriminator_step(gan))
    generator = jax.jit(jaxgan.make_generator_step(gan))
    for number, samples in enumerate(order_of(run_key())):
        keys = jax.random.split(jax.random.fold_in(rounds_key, number), 2)
        if number + 1 != skipped_round:
            state, _ = discriminator(keys[0], state, Batch(x[samples]))
        state, _ = generator(keys[1], state, Batch(x[samples]))
    return state


@pytest.mark.slow
def test_a_skipped_update_is_counted_and_all_others_are_made(tmp_path):
    plan = RECIPES["small"].plan._replace(nonfinite="skip")
    run = tmp_path / "run"
    result = begin(run, recipe="planted", plan=plan)
    assert (result.round, result.step, result.discarded) == (12, 12, 1)
    (event,) = events(run, "skip")
    assert event["round"] == 7
    assert event["message"] == (
        "skipped 1 update(s): non-finite discriminator loss at step 7 (round 7)"
    )
    assert finite(run) == ([4, 8, 12], True)
    rows = metrics_rows(run)
    assert [row["round"] for row in rows if row["discriminator_loss"] is None] == [7]
    for mine, other in zip(
        jax.tree.leaves(state_at(run, 12).gan),
        jax.tree.leaves(played_by_hand(PLANTED_ROUND)),
        strict=True,
    ):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)


def rolling_back():
    return RECIPES["small"].plan._replace(nonfinite="rollback")


@pytest.fixture(scope="module")
def rolled_back(small, tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "rolled"
    result = begin(run, recipe="planted", plan=rolling_back())
    assert (result.round, result.step, result.discarded) == (12, 12, 0)
    return run


@pytest.mark.slow
def test_a_rollback_goes_on_from_the_last_checkpoint_with_a_fresh_key(rolled_back):
    (event,) = events(rolled_back, "rollback")
    assert event["round"] == 7
    assert event["message"] == (
        "non-finite discriminator loss at step 7 (round 7): rolled back to round 4 with a fresh key"
    )
    assert finite(rolled_back) == ([4, 8, 12], True)
    keys = [jax.random.key_data(state_at(rolled_back, n).key).tolist() for n in (4, 8, 12)]
    fresh = jax.random.key_data(jax.random.fold_in(run_key(), 1)).tolist()
    assert keys == [jax.random.key_data(run_key()).tolist(), fresh, fresh]
    assert [int(state_at(rolled_back, n).rollbacks) for n in (4, 8, 12)] == [0, 1, 1]
    rows = metrics_rows(rolled_back)
    assert [row["round"] for row in rows] == list(range(1, 13))
    assert all(row["discriminator_loss"] is not None for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("stopped", [6, 10])  # before, and after the next checkpoint
def test_a_run_stopped_after_a_rollback_ends_as_without_the_stop(tmp_path, rolled_back, stopped):
    run, told = tmp_path / "run", []

    def stop(row):
        told.append(row["round"])
        if row["round"] == stopped and 7 in told:  # not before the rollback
            raise KeyboardInterrupt

    options = small_options(recipe="planted", plan=rolling_back())
    with pytest.raises(KeyboardInterrupt):
        runs.train_run(options, run, on_start=lambda run, step: stop)
    assert len(events(run, "rollback")) == 1
    go_on(run)
    assert_as_undisturbed(run, rolled_back)


@pytest.mark.slow
def test_rollbacks_in_a_row_have_an_end(tmp_path):
    with pytest.raises(
        nonfinite.NonFiniteError, match=r"non-finite generator loss at step 1 \(round 1\)"
    ):
        begin(tmp_path / "run", recipe="hopeless", plan=rolling_back())
    assert len(events(tmp_path / "run", "rollback")) == runs.ROLLBACKS_IN_A_ROW
    assert len(events(tmp_path / "run", "nonfinite")) == runs.ROLLBACKS_IN_A_ROW + 1
    assert checkpoint.numbers(tmp_path / "run" / "checkpoints") == []


@pytest.mark.slow
def test_skips_in_a_row_have_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "ROUNDS_SKIPPED_IN_A_ROW", 6)
    run = tmp_path / "run"
    plan = RECIPES["small"].plan._replace(nonfinite="skip")
    with pytest.raises(
        nonfinite.NonFiniteError, match=r"non-finite generator loss at step 6 \(round 6\)"
    ):
        begin(run, recipe="hopeless", plan=plan)
    assert [event["round"] for event in events(run, "skip")] == [1, 3, 5]
    assert [event["round"] for event in events(run, "nonfinite")] == [6]
    assert [row["round"] for row in metrics_rows(run)] == [1, 2, 3, 4, 5, 6]
    assert finite(run) == ([4], True)


@pytest.mark.parametrize("policy", [pytest.param("stop", marks=pytest.mark.slow), "skip"])
def test_a_state_that_is_not_finite_is_not_saved(tmp_path, policy):
    run = tmp_path / "run"
    plan = RECIPES["small"].plan._replace(nonfinite=policy)
    message = r"generator parameter Dense_0/bias at step 8 \(round 8\)"
    with pytest.raises(nonfinite.NonFiniteError, match=message):
        begin(run, recipe="overflowing", plan=plan)
    assert finite(run) == ([4], True)
    assert [event["round"] for event in events(run, "nonfinite")] == [8]
    assert [row["round"] for row in metrics_rows(run)] == list(range(1, 9))
