"""Cycles and identity mappings, for translations whose results are known."""

import jax.numpy as jnp
import numpy as np
import pytest
from arrays import normal

from jaxgan.terms import cycle_consistency, identity_mapping

A, B = normal(3, 2, 2, 1), normal(3, 2, 2, 1, seed=1)


def translations(latents, condition):
    """F(b) = 2 b, G(a) = a + 1."""
    a, b = condition
    return 2 * b, a + 1.0


def test_a_cycle_costs_what_it_changes():
    # F(G(a)) - a = 2 (a + 1) - a = a + 2;  G(F(b)) - b = 2 b + 1 - b = b + 1
    fake = translations(None, (A, B))
    wanted = np.mean(np.abs(A + 2)) + np.mean(np.abs(B + 1))
    np.testing.assert_allclose(
        cycle_consistency(translations, None, fake, (A, B)), wanted, rtol=1e-6
    )


def test_identity_costs_what_samples_of_the_domain_translated_to_change():
    # F(a) - a = a;  G(b) - b = 1
    wanted = np.mean(np.abs(A)) + 1.0
    np.testing.assert_allclose(identity_mapping(translations, None, (A, B)), wanted, rtol=1e-6)


def test_a_condition_that_is_no_pair_is_named():
    with pytest.raises(ValueError, match=r"identity_mapping needs the condition \(a, b\)"):
        identity_mapping(translations, None, A)
    with pytest.raises(ValueError, match=r"cycle_consistency needs the condition \(a, b\)"):
        cycle_consistency(translations, None, (A, B), [A, B])


def test_domains_of_different_shapes_have_no_identity():
    with pytest.raises(ValueError, match=r"samples of one shape in both domains.*leave the term"):
        identity_mapping(translations, None, (A, jnp.ones((3, 2, 2, 3))))
