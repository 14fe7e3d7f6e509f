import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxgan.models import Conv, ConvTranspose, conv, conv_transpose

FUNCTIONS = {"conv": conv, "conv_transpose": conv_transpose}
CASES = [((7, 8), "SAME"), ((6, 5), "VALID"), ((6, 5), ((1, 2), (0, 1)))]
CHANNELS = [(3, 6), (6, 2)]  # the second takes the form for few outputs


def arrays(size, window, channels):
    x_key, kernel_key = jax.random.split(jax.random.key(0))
    x = jax.random.normal(x_key, (2, *size, channels[0]))
    return x, jax.random.normal(kernel_key, (*window, *channels))


def derivatives(function, x, kernel):
    """Values, both gradients of a nonlinear function of them, and a gradient of gradients."""

    def loss(x, kernel):
        return jnp.sum(jnp.sin(function(x, kernel)))

    def penalty(x, kernel):
        return sum(jnp.sum(g**2) for g in jax.grad(loss, argnums=(0, 1))(x, kernel))

    gradients = jax.grad(loss, argnums=(0, 1))(x, kernel)
    return function(x, kernel), gradients, jax.grad(penalty, argnums=(0, 1))(x, kernel)


@pytest.mark.one_quick_case
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("window", "stride"), [*itertools.product([1, 2, 3, 4, 5], [1, 2, 3])])
def test_both_implementations_give_the_same_values(name, window, stride):
    cases = [
        (arrays(size, (window, window), channels), padding)
        for (size, padding), channels in itertools.product(CASES, CHANNELS)
    ]

    def values(implementation):
        return [FUNCTIONS[name](*pair, stride, padding, implementation) for pair, padding in cases]

    for plain, ours in zip(
        *(jax.jit(lambda i=i: values(i))() for i in ("xla", "cpu")), strict=True
    ):
        np.testing.assert_allclose(ours, plain, atol=2e-5)


@pytest.mark.one_quick_case
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(
    ("size", "window", "padding", "channels"),
    [
        ((7, 8), (4, 4), "SAME", (2, 3)),
        pytest.param((6, 5), (3, 3), "VALID", (2, 3), marks=pytest.mark.slow),
        ((6, 5), (3, 3), "SAME", (5, 2)),
        ((6, 7), (5, 7), ((2, 3), (1, 3)), (5, 2)),  # so large that it goes by rows
        ((5, 6), (2, 5), ((1, 2), (2, 1)), (2, 33)),  # wide: products of matrices
        ((2, 2), (3, 3), "SAME", (5, 6)),  # the kernel is larger than the input
        ((1, 3), (4, 4), ((1, 2), (2, 1)), (5, 6)),
        pytest.param((5, 5), (1, 1), "SAME", (5, 1), marks=pytest.mark.slow),
    ],
)
def test_both_implementations_give_the_same_first_and_second_derivatives(
    name, stride, size, window, padding, channels
):
    x, kernel = arrays(size, window, channels)

    def of(implementation):
        def function(x, kernel):
            return FUNCTIONS[name](x, kernel, stride, padding, implementation)

        return jax.jit(lambda x, kernel: derivatives(function, x, kernel))(x, kernel)

    for plain, ours in zip(*map(jax.tree.leaves, (of("xla"), of("cpu"))), strict=True):
        np.testing.assert_allclose(ours, plain, atol=2e-5 * float(jnp.max(jnp.abs(plain))))


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_equal_finite_differences(name):
    x, kernel = arrays((4, 5), (3, 3), (2, 2))
    function = jax.jit(lambda x, kernel: FUNCTIONS[name](x, kernel, 2, "SAME", "cpu"))
    check_grads(function, (x, kernel), order=2, modes=["rev"], atol=1e-2, rtol=1e-2)


@pytest.mark.slow
@pytest.mark.parametrize(("window", "stride"), [(4, 2), (5, 2), (3, 2), (3, 1), (2, 3), (1, 2)])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_conv_transpose_equals_that_of_jax(window, stride, padding):
    x, kernel = arrays((4, 5), (window, window), (3, 2))
    expected = jax.lax.conv_transpose(
        x, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    for implementation in ("xla", "cpu"):
        ours = conv_transpose(x, kernel, stride, padding, implementation)
        np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_convolution_by_hand():
    x = jnp.arange(4.0).reshape(1, 4, 1)  # 0 1 2 3
    kernel = jnp.array([1.0, 10.0, 100.0]).reshape(3, 1, 1)
    for implementation in ("xla", "cpu"):
        y = conv(x, kernel, 1, "SAME", implementation)
        np.testing.assert_allclose(y[0, :, 0], [100, 210, 321, 32])
        y = conv_transpose(x, kernel, 2, ((0, 0),), implementation)
        # each value lays the kernel down two further on; lax does not flip it, so 100 comes first
        np.testing.assert_allclose(y[0, :, 0], [0, 0, 100, 10, 201, 20, 302, 30, 3])


@pytest.mark.one_quick_case
@pytest.mark.parametrize("name", FUNCTIONS)
def test_one_axis_is_two_axes_of_which_one_is_flat(name):
    x, kernel = arrays((9, 1), (5, 1), (2, 3))
    line = FUNCTIONS[name](x[:, :, 0], kernel[:, 0], 4)
    np.testing.assert_allclose(line, FUNCTIONS[name](x, kernel, (4, 1))[:, :, 0], atol=1e-6)


def test_layers_have_their_kernel_and_bias():
    x = jnp.ones((2, 8, 8, 3))
    for layer, size in ((Conv(5, 3, 2), 4), (ConvTranspose(5, (4, 4), use_bias=False), 16)):
        y, variables = jax.jit(layer.init_with_output)(jax.random.key(0), x)
        assert y.shape == (2, size, size, 5)
        assert ("bias" in variables["params"]) == layer.use_bias
    biased = Conv(1, 1).apply(
        {"params": {"kernel": jnp.ones((1, 1, 3, 1)), "bias": -jnp.ones(1)}}, x
    )
    np.testing.assert_allclose(biased, 2.0)


def test_no_conv_on_cpu_dilates_its_input():
    x, kernel = arrays((8, 8), (4, 4), (3, 5))

    def dilates(implementation):
        def loss(kernel):
            return jnp.sum(conv_transpose(x, kernel, 2, "SAME", implementation) ** 2)

        return "lhs_dilation=(2, 2)" in str(jax.make_jaxpr(jax.grad(loss))(kernel))

    assert dilates("xla")
    assert not dilates("cpu")


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("window", "channels"), [(3, (3, 5)), (3, (8, 3)), (9, (8, 3))])
def test_all_derivatives_on_cpu_are_convolutions_with_the_usual_order_of_axes(
    name, window, channels
):
    # In the body of a scan, XLA computes those of another order by loops, far slower.
    x, kernel = arrays((8, 8), (window, window), channels)
    usual = "lhs_spec=(0, 3, 1, 2), rhs_spec=(3, 2, 0, 1), out_spec=(0, 3, 1, 2)"

    def others(implementation):
        def function(x, kernel):
            return FUNCTIONS[name](x, kernel, 1, "SAME", implementation)

        program = jax.make_jaxpr(lambda x, kernel: derivatives(function, x, kernel))(x, kernel)
        return str(program).count("lhs_spec=") - str(program).count(usual)

    assert others("xla") > 0
    assert others("cpu") == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: conv(jnp.ones((1, 4, 4, 2)), jnp.ones((3, 3, 3, 1))), r"got \(1, 4, 4, 2\) and"),
        (lambda: conv(jnp.ones((4, 2)), jnp.ones((3, 2, 1))), "with one or two axes"),
        (lambda: conv(jnp.ones((1, 2, 2, 1)), jnp.ones((3, 3, 1, 1)), 1, "VALID"), "larger than x"),
        (
            lambda: conv_transpose(
                jnp.ones((1, 1, 1, 1)), jnp.ones((2, 2, 1, 1)), 2, ((1, 1), (1, 1))
            ),
            "leaves no output",
        ),
        (
            lambda: conv(jnp.ones((1, 4, 4, 1)), jnp.ones((1, 1, 1, 1)), implementation="gpu"),
            "implementation must be one of auto, cpu, xla, got 'gpu'",
        ),
    ],
)
def test_what_does_not_fit_is_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()
