"""Arguments of a wrong kind: each error is one line that names the argument and what to pass."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from linear import make_linear

import jaxgan
from jaxgan import losses, regularizers
from jaxgan.training.loop import fit
from jaxgan.training.plan import Plan
from jaxgan.updates import simultaneous

ON_ONE = Plan(batch_size=8, devices=1)


def schedule(step):
    return 0.1 / (1 + step)


def bare(critic, real):
    return jnp.mean(critic(real))


PENALTY = jaxgan.penalty(regularizers.r1, 1.0)
TERM = jaxgan.generator_term(lambda fake: jnp.mean(fake**2), 1.0, name="size")
GANS = {
    "a number as optimizer": (
        {"generator_optimizer": 2e-4},
        "generator_optimizer must be an optax transformation, got 0.0002: pass optax.adam(0.0002)",
    ),
    "no optimizer": (
        {"discriminator_optimizer": None},
        "discriminator_optimizer must be an optax transformation, got None: pass optax.adam(",
    ),
    "a schedule as optimizer": (
        {"generator_optimizer": schedule},
        "got the function 'schedule': pass optax.adam(learning_rate), for example; "
        "the learning rate may be a schedule",
    ),
    "an optimizer that was not called": (
        {"generator_optimizer": optax.adam},
        "got the function 'adam': pass optax.adam(learning_rate)",
    ),
    "a number as latent": (
        {"latent": 100},
        "latent must be a function (key, index) -> latents, got 100: pass jaxgan.latents.normal(",
    ),
    "a name as loss": (
        {"loss": "wgan"},
        "loss must be an AdversarialLoss, got 'wgan': use one of jaxgan.losses, such as "
        "losses.wasserstein",
    ),
    "a function as loss": ({"loss": losses.f_gan}, "got the function 'f_gan': use one of"),
    "a function among penalties": (
        {"penalties": (PENALTY, bare)},
        "penalties must be a tuple of terms, got the function 'bare' in it: wrap functions, "
        "jaxgan.penalty(function, gamma=10.0)",
    ),
    "one penalty": ({"penalties": PENALTY}, "got one term: add a comma, (term,)"),
    "one function": ({"penalties": bare}, "got the function 'bare': pass (jaxgan.penalty("),
    "no penalties": (
        {"penalties": None},
        "got None: pass (jaxgan.penalty(function, gamma=10.0),),",
    ),
    "a function among terms": (
        {"generator_terms": (bare,)},
        "generator_terms must be a tuple of terms, got the function 'bare' in it: wrap functions, "
        "jaxgan.generator_term(function, weight)",
    ),
    "a penalty among terms": (
        {"generator_terms": [PENALTY]},
        "generator_terms are terms of the generator's loss, but r1 is one of the discriminator's",
    ),
    "a text as average": ({"ema_decay": "0.9"}, "ema_decay must lie in [0, 1), or be a schedule"),
    "a function as task": ({"task": bare}, "task must be a Task, got"),
}


@pytest.mark.parametrize("name", GANS)
def test_a_gan_of_wrong_parts_is_refused(name):
    parts, message = GANS[name]
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        make_linear(**parts)
    assert "\n" not in str(caught.value)


def test_lists_of_terms_are_taken_as_tuples():
    gan = make_linear(penalties=[PENALTY], generator_terms=[TERM])
    assert gan.penalties == (PENALTY,)
    assert gan.generator_terms == (TERM,)
    hash(gan)


def returning(change):
    """A network whose output is changed."""

    def apply(params, model_state, x, *, keys, train, axis_name=None):
        return change(x @ params["w"]), model_state

    return apply


OUTPUTS = {
    ("generator", "tuple"): lambda x: (x, x),
    ("generator", "dict"): lambda x: {"x": x},
    ("discriminator", "tuple"): lambda x: (x, x),
    ("discriminator", "dict"): lambda x: {"logits": x},
    ("discriminator", "list"): lambda x: [x, x],
}


@pytest.mark.parametrize(("player", "kind"), OUTPUTS)
def test_networks_that_return_something_else_are_named(key, player, kind):
    gan = make_linear()
    network = getattr(gan, player)._replace(apply=returning(OUTPUTS[player, kind]))
    wanted = {
        "generator": "must return its samples as the data are, one array [batch, ...]",
        "discriminator": "must return logits [batch] or a DiscriminatorOutput",
    }
    message = f"{player} {wanted[player]}, got {kind}: return "
    with pytest.raises(ValueError, match=re.escape(message)):
        jaxgan.init(key, make_linear(**{player: network}), jnp.zeros((8, 2)))


class DataLoader:
    def __iter__(self):
        return iter([np.zeros((8, 2))])


class ByNumber:
    def __getitem__(self, number):
        return np.zeros(2)


X, LABELS = np.zeros((8, 2), np.float32), np.zeros(8, np.int32)
DATA = {
    "a pair": ((X, LABELS), "got tuple: pass jaxgan.Batch(x, labels)"),
    "a pair of one shape": ((X, X), "got tuple: pass jaxgan.Batch(x, labels)"),
    "a list of both": ([X, LABELS], "got list: pass jaxgan.Batch(x, labels)"),
    "samples by number": (ByNumber(), "got ByNumber: collect its samples in one array, or desc"),
    "a dict": ({"x": X}, "got dict: pass one of its arrays, or jaxgan.Batch(x, labels)"),
    "a name": ("digits", "got str: pass jaxgan.data.load('digits')"),
    "nothing": (None, "got NoneType: collect"),
    "a loader in a batch": (jaxgan.Batch(DataLoader()), "got DataLoader"),
}


@pytest.mark.parametrize("name", DATA)
def test_data_of_another_kind_are_named(key, name):
    data, message = DATA[name]
    with pytest.raises(
        ValueError, match="data must be an array of samples .*" + re.escape(message)
    ):
        fit(key, make_linear(), data, 1, ON_ONE)


@pytest.mark.slow
def test_lists_of_samples_are_data(key):
    state, _ = fit(key, make_linear(), X.tolist(), 1, ON_ONE)
    assert int(state.step) == 1


KEYS = {
    "an int": (0, "got int"),
    "nothing": (None, "got NoneType"),
    "an array of ints": (jnp.int32(0), "got an array int32[]"),
    "many keys": (jax.random.split(jax.random.key(0)), "got an array of keys, [2]: pass one"),
    "a NumPy generator": (np.random.default_rng(0), "got Generator"),
}


@pytest.mark.parametrize("name", KEYS)
def test_what_is_no_key_is_named(key, name):
    bad, reason = KEYS[name]
    gan, batch = make_linear(), jnp.zeros((8, 2))
    state = jax.eval_shape(lambda key: jaxgan.init(key, gan, batch), key)
    calls = (
        lambda: fit(bad, gan, X, 1, ON_ONE),
        lambda: fit(bad, gan, X, 1, ON_ONE, state=state),
        lambda: jaxgan.init_run(bad, gan, X, ON_ONE),
        lambda: jaxgan.init(bad, gan, batch),
        lambda: jaxgan.make_train_step(gan)(bad, state, batch),
        lambda: jaxgan.make_train_step(gan, simultaneous())(bad, state, batch),
        lambda: jaxgan.make_discriminator_step(gan)(bad, state, batch),
        lambda: jaxgan.make_generator_step(gan)(bad, state, batch),
        lambda: jaxgan.sample(bad, gan, state, 4),
        lambda: jaxgan.make_generate(bad, gan, state),
        lambda: jaxgan.make_discriminate(bad, gan, state),
    )
    message = f"key must be a PRNG key such as jax.random.key(0), {reason}"
    for call in calls:
        with pytest.raises(ValueError, match=re.escape(message)):
            call()


@pytest.mark.slow
def test_keys_of_the_older_kind_work(largest_difference):
    gan = make_linear()
    state, _ = fit(jax.random.PRNGKey(0), gan, X, 1, ON_ONE)
    other, _ = fit(jax.random.key(0), gan, X, 1, ON_ONE)
    assert largest_difference(state, other) == 0.0


# ---- weights, latents and batches ----


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gamma": -1.0}, "gamma must not be negative, got -1.0"),
        ({"weight": float("nan")}, "weight must be a finite number or a schedule, got nan"),
        ({"weight": "10"}, "weight must be a finite number or a schedule, got '10'"),
    ],
)
def test_weights_that_no_penalty_has_are_refused(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        jaxgan.penalty(regularizers.r1, **options)


@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"penalties": (jaxgan.penalty(lambda real: real[:, 0], 1.0, name="v"),)},
            "penalty v must be a floating scalar, got float32 of shape (8,): take the mean",
        ),
        (
            {"penalties": (jaxgan.penalty(lambda real: jnp.sum(real > 0), 1.0, name="n"),)},
            "penalty n must be a floating scalar, got int32 of shape ()",
        ),
        (
            {"generator_terms": (jaxgan.generator_term(lambda fake: fake[:, 0], 1.0, name="t"),)},
            "generator term t must be a floating scalar",
        ),
        (
            {"loss": losses.wasserstein._replace(generator=lambda real, fake: fake)},
            "generator's loss must be a floating scalar",
        ),
    ],
)
def test_parts_of_a_loss_that_are_no_scalars_are_named(key, parts, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        jaxgan.fit(key, make_linear(**parts), np.zeros((8, 2), np.float32), 1, ON_ONE)


def network(init=None, apply=None):
    return jaxgan.Network(
        init or (lambda key, z: ({"w": jnp.ones((3, 2))}, {})),
        apply
        or (lambda params, state, z, *, keys, train, axis_name=None: (z @ params["w"], state)),
    )


@pytest.mark.parametrize(
    ("generator", "message"),
    [
        (
            network(apply=lambda p, s, z, *, keys, train, axis_name=None: z @ p["w"]),
            "generator's apply must return (output, model_state)",
        ),
        (
            network(init=lambda key, z: jnp.ones((2, 3))),
            "generator's init must return (params, model_state)",
        ),
    ],
)
def test_networks_without_a_model_state_are_named(key, generator, message):
    gan = make_linear(generator=generator, latent=jaxgan.latents.normal(3))
    with pytest.raises(ValueError, match=re.escape(message)):
        jaxgan.init(key, gan, jnp.zeros((8, 2)))


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (jnp.zeros((4, 2), jnp.uint8), "samples must be floating, got uint8: scale them"),
        ([[0.0, 1.0]], "batch must be an array of samples or a Batch, got list"),
        (jnp.zeros((0, 2)), "batch must hold at least one sample, got shape (0, 2)"),
    ],
)
def test_batches_that_no_step_can_train_on_are_named(key, batch, message):
    gan = make_linear()
    state = jaxgan.init(key, gan, jnp.zeros((4, 2)))
    for make in (jaxgan.make_train_step, jaxgan.make_discriminator_step):
        with pytest.raises(ValueError, match=re.escape(message)):
            make(gan)(key, state, batch)


LATENTS = {
    "a count": (lambda num: jnp.zeros((num, 3)), r"called so, <function .* fails \("),
    "a key and a count": (
        lambda key, num: jax.random.normal(key, (num, 3)),
        r"called so, <function .* fails \(",
    ),
    "one latent": (lambda key, index: jax.random.normal(key, (3,)), r"8 indices .* shape \(3,\)"),
    "nothing": (lambda key, index: None, "for 8 indices it returned shape nothing"),
}


@pytest.mark.parametrize("kind", LATENTS)
def test_latents_of_another_kind_are_named_with_what_was_wanted(key, kind):
    latent, message = LATENTS[kind]
    with pytest.raises(ValueError, match=message) as caught:
        jaxgan.init(key, make_linear(latent=latent), jnp.zeros((8, 2)))
    assert str(caught.value).startswith("latent must be a function (key, index) -> latents")
    assert "use one of jaxgan.latents" in str(caught.value)


@pytest.mark.parametrize(
    "make", [jaxgan.make_train_step, jaxgan.make_discriminator_step, jaxgan.make_generator_step]
)
def test_samples_of_another_shape_than_at_the_start_are_named(key, make):
    gan = make_linear()
    state = jaxgan.init(key, gan, jnp.zeros((8, 2)))
    message = r"samples of shape \(8, 3\), but the generator's are \(8, 2\): pass samples"
    with pytest.raises(ValueError, match=message):
        make(gan)(key, state, jnp.zeros((8, 3)))


@pytest.mark.slow
def test_a_batch_of_more_samples_than_there_are_is_warned_of(key):
    plan = Plan(batch_size=16, devices=1)
    with pytest.warns(UserWarning, match="batch_size=16 is more than the 8 samples of .* at most"):
        fit(key, make_linear(), np.random.default_rng(0).normal(size=(8, 2)), 1, plan=plan)


def test_latents_that_look_at_no_index_are_warned_of(key):
    gan = make_linear(latent=lambda key, index: jax.random.normal(key, (len(index), 2)))
    with pytest.warns(UserWarning, match="latent draws from its key alone"):
        jax.eval_shape(lambda key: jaxgan.init(key, gan, jnp.zeros((4, 2))), key)


def test_keys_whose_numbers_depend_on_the_split_are_warned_of():
    with pytest.warns(UserWarning, match="key uses the PRNG rbg, whose numbers depend on how"):
        jax.eval_shape(
            lambda: jaxgan.init(jax.random.key(0, impl="rbg"), make_linear(), jnp.zeros((4, 2)))
        )


def test_fit_in_a_compiled_function_is_refused(key):
    with pytest.raises(ValueError, match="call it outside jit"):
        jax.jit(lambda key: jaxgan.fit(key, make_linear(), np.zeros((8, 2)), 1, ON_ONE))(key)
