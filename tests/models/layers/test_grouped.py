"""Grouped convolutions against XLA's own operator."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxgan.models import GroupedConv, grouped_conv


def arrays(size, window, channels, features, groups):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, *size, channels))
    kernel = rng.normal(size=(*window, channels // groups, features))
    return jnp.float32(x), jnp.float32(kernel)


def by_lax(x, kernel, groups, padding):
    return lax.conv_general_dilated(
        x, kernel, (1, 1), padding, None, None, ("NHWC", "HWIO", "NHWC"), groups
    )


@pytest.mark.parametrize(
    ("groups", "features", "padding"),
    [(1, 6, "SAME"), (2, 6, "VALID"), (3, 12, ((1, 0), (2, 1))), (6, 6, "SAME")],
)
def test_each_implementation_gives_what_xla_gives_by_its_group_count(groups, features, padding):
    x, kernel = arrays((5, 4), (3, 2), 6, features, groups)
    expected = by_lax(x, kernel, groups, padding)
    for implementation in ("auto", "cpu", "xla"):
        y = grouped_conv(x, kernel, groups, padding, implementation)
        np.testing.assert_allclose(y, expected, atol=1e-5)


def test_gradients_and_those_of_a_penalty_on_them_are_xlas():
    groups = 2
    x, kernel = arrays((4, 3), (3, 3), 4, 4, groups)

    def derivatives(function):
        def critic(x, kernel):
            return jnp.sum(jnp.sin(function(x, kernel)))

        def penalty(x, kernel):  # R1: the squared gradient, of which the kernel's gradient is taken
            return jnp.sum(jax.grad(critic)(x, kernel) ** 2)

        return [jax.grad(f, argnums=(0, 1))(x, kernel) for f in (critic, penalty)]

    ours, plain = jax.jit(
        lambda: (
            derivatives(lambda x, w: grouped_conv(x, w, groups, "SAME", "cpu")),
            derivatives(lambda x, w: by_lax(x, w, groups, "SAME")),
        )
    )()
    for one, other in zip(*map(jax.tree.leaves, (ours, plain)), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5 * float(jnp.max(jnp.abs(other))))


def test_a_group_sees_its_own_channels_only():
    x, kernel = arrays((4, 4), (3, 3), 6, 9, 3)
    y = grouped_conv(x, kernel, 3)
    moved = grouped_conv(x.at[..., 2:4].add(1.0), kernel, 3)
    assert [bool((y != moved)[..., i : i + 3].any()) for i in (0, 3, 6)] == [False, True, False]


def test_signals_are_images_of_one_row():
    x, kernel = arrays((1, 7), (1, 3), 4, 4, 2)
    for implementation in ("cpu", "xla"):
        line = grouped_conv(x[:, 0], kernel[0], 2, "SAME", implementation)
        np.testing.assert_allclose(line, by_lax(x, kernel, 2, "SAME")[:, 0], atol=1e-5)


def test_layer_has_a_kernel_and_a_bias_of_its_own():
    x, _ = arrays((4, 4), (3, 3), 4, 4, 2)
    layer = GroupedConv(6, 2, (3, 1))
    params = layer.init(jax.random.key(0), x)["params"]
    assert jax.tree.map(jnp.shape, params) == {"kernel": (3, 1, 2, 6), "bias": (6,)}
    params["bias"] = jnp.arange(6.0)
    y = layer.apply({"params": params}, x)
    expected = by_lax(x, params["kernel"], 2, "SAME") + jnp.arange(6.0).reshape(1, 1, 1, 6)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    assert set(GroupedConv(6, 2, use_bias=False).init(jax.random.key(0), x)["params"]) == {"kernel"}


@pytest.mark.parametrize("groups", [0, -1, 3, 8])
def test_groups_that_do_not_divide_the_channels_are_refused(groups):
    x, kernel = arrays((3, 3), (3, 3), 4, 4, 1)
    with pytest.raises(ValueError, match=f"groups={groups} must divide 4 channels"):
        grouped_conv(x, kernel, groups)
    with pytest.raises(ValueError, match=f"groups={groups} must divide 4 channels"):
        GroupedConv(4, groups).init(jax.random.key(0), x)
    with pytest.raises(ValueError, match="groups=2 must divide 4 channels and 5 features"):
        GroupedConv(5, 2).init(jax.random.key(0), x)


def test_a_kernel_for_other_channels_is_refused():
    x, kernel = arrays((3, 3), (3, 3), 4, 4, 1)
    with pytest.raises(ValueError, match=r"kernel must be \[\*size, 2, out\] for 4 channels in 2"):
        grouped_conv(x, kernel, 2)
    with pytest.raises(ValueError, match="implementation must be"):
        grouped_conv(x, kernel, 1, "SAME", "fast")
