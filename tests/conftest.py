import dataclasses
import functools
import os
from importlib.metadata import version

# Before jax starts: eight simulated devices, and programs that compile four times as fast. Only
# where these flags are known to exist, for XLA refuses to start with one that it does not know.
FLAGS = ["--xla_force_host_platform_device_count=8"]
if version("jaxlib").startswith("0.10."):
    FLAGS += ["--xla_backend_optimization_level=0", "--xla_cpu_use_fusion_emitters=false"]
os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *FLAGS])
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"  # commands leave the user's cache alone

import jax
import jax.numpy as jnp
import optax
import pytest
from limits import limit_files  # noqa: F401 (a fixture)
from small_game import begun, ended, small, third, undisturbed  # noqa: F401 (fixtures)
from turned import turned  # noqa: F401 (a fixture)

import jaxgan
from jaxgan import latents, losses
from jaxgan.data import sources, toy_dataset, wave_dataset
from jaxgan.models import MLPDiscriminator, MLPGenerator, dcgan
from jaxgan.recipes import mixtures, mlp
from jaxgan.runs.disk.result import Result
from jaxgan.training.state import init_run

jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Of tests marked so all cases are slow but the first that is not."""
    met = set()
    for item in items:
        if item.get_closest_marker("one_quick_case") and not item.get_closest_marker("slow"):
            name = item.nodeid.partition("[")[0]
            if name in met:
                item.add_marker("slow")
            met.add(name)


@pytest.fixture
def key():
    return jax.random.key(0)


@pytest.fixture
def batch():
    return jax.random.uniform(jax.random.key(1), (16, 4, 4, 1))


@pytest.fixture(scope="session")
def make_gan():
    """A small GAN that compiles fast, trained by SGD; keywords replace its parts."""

    def make(**parts):
        default = jaxgan.GAN(
            generator=jaxgan.from_linen(MLPGenerator((4, 4, 1), hidden=(12,))),
            discriminator=jaxgan.from_linen(MLPDiscriminator(hidden=(12, 8), dropout=0.0)),
            latent=latents.normal(5),
            loss=losses.non_saturating,
            generator_optimizer=optax.sgd(0.1),
            discriminator_optimizer=optax.sgd(0.1),
        )
        return dataclasses.replace(default, **parts)

    return make


@pytest.fixture
def largest_difference():
    """The largest absolute difference between the leaves of two trees."""

    def difference(a, b):
        leaves = jax.tree.map(
            lambda x, y: jnp.max(
                jnp.abs(jnp.asarray(x, jnp.float32) - jnp.asarray(y, jnp.float32))
            ),
            jax.device_get(a),
            jax.device_get(b),
        )
        return float(max(jax.tree.leaves(leaves)))

    return difference


@pytest.fixture(scope="module")
def narrow_recipes():
    """The recipes with narrow networks, the built-in data made once and small."""
    with pytest.MonkeyPatch.context() as patch:

        def generator(shape, hidden=None, *rest, **named):
            return MLPGenerator(shape, (4,), *rest, **named)

        def discriminator(hidden=None, **named):
            return MLPDiscriminator((4,), **named)

        for module in (mlp, mixtures):
            patch.setattr(module, "MLPGenerator", generator)
            patch.setattr(module, "MLPDiscriminator", discriminator)
        patch.setattr(dcgan, "default_features", lambda levels, width: (2,) * levels)
        patch.setitem(sources.NAMED, "digits", functools.cache(sources.digits))
        for name in ("spiral", "ring8", "grid25"):
            made = functools.partial(toy_dataset, name, 500)
            patch.setitem(sources.NAMED, name, functools.cache(made))
        waves = functools.cache(lambda: _shorter(wave_dataset(40)))
        patch.setitem(sources.NAMED, "waves", waves)
        yield


def _shorter(waves):
    return waves._replace(x=waves.x[:, :64])


@pytest.fixture
def untrained(monkeypatch):
    """Runs that are checked, but not trained."""
    from jaxgan.runs import train as runs  # here, since importing Orbax takes a while

    def checked(run, announce):
        begin = functools.partial(
            init_run, gan=run.gan, data=run.dataset, plan=run.config.options.plan
        )
        jax.eval_shape(begin, jax.random.key(run.config.options.seed))
        if announce is not None:
            announce(run, 0)
        return Result(0.0, 0, 0, 0, {}, None)

    monkeypatch.setattr(runs, "_train", checked)
