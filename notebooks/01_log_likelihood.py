# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1. Probabilities, log-likelihood and the value of the game
#
# **What it shows:** why a discriminator is trained with logarithms of probabilities, why confident
# wrong guesses cost the most, and how this leads to the value function $V(D, G)$ of a GAN. **What
# it needs:** jaxgan. **How long it takes:** a few seconds.

# %%
# %matplotlib inline
# %config InlineBackend.figure_format = "retina"
import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import norm

from jaxgan import losses, plots
from jaxgan.plots.style import name_axes, panels

# %% [markdown]
# ## A guess is a probability
#
# A discriminator sees a sample and guesses the probability $p$ that it is real. The outcome is
# $y = 1$ (real) or $y = 0$ (generated). Under the guess, the outcome has the probability
#
# $$P(y) = p^y (1 - p)^{1 - y}, \qquad \log P(y) = y \log p + (1 - y) \log (1 - p).$$
#
# The logarithm of this probability is the **log-likelihood** of a Bernoulli variable. It is 0 for a
# certain and correct guess, and negative otherwise.

# %%
print("guess p   if it is real   if it is generated   (log-likelihood, nats)")
for p in (0.01, 0.1, 0.5, 0.9, 0.99):
    real = losses.bernoulli_log_likelihood(1.0, p)
    fake = losses.bernoulli_log_likelihood(0.0, p)
    print(f"{p:7.2f} {real:15.3f} {fake:20.3f}")

# %% [markdown]
# ## Why the logarithm?
#
# The probabilities of independent samples multiply. The product of a thousand of them underflows to
# zero in floating point. The sum of their logarithms is an ordinary number, and both are largest
# for the same guess.

# %%
probabilities = np.full(1000, 0.5, np.float32)
print("product:            ", np.prod(probabilities))
print("sum of logarithms:  ", np.sum(losses.log_probability(probabilities)))

# %% [markdown]
# ## Confident wrong guesses cost the most
#
# The cost of a guess is minus its log-likelihood. It is small for correct guesses and unbounded for
# wrong ones. Whenever the probability of the actual outcome is halved, the cost grows by
# $\log 2 = 0.69$.

# %%
p = np.linspace(0.001, 0.999, 500)
cost = {
    "real sample, $-\\log p$": -losses.bernoulli_log_likelihood(1.0, p),
    "generated sample, $-\\log(1-p)$": -losses.bernoulli_log_likelihood(0.0, p),
}
plots.lines(p, cost, "guess $p$ that the sample is real", "cost in nats")

# %% [markdown]
# ## The best guess is the honest one
#
# Suppose that a fraction $q$ of the samples that look like this one is real. A guess $p$ then costs
# on average
#
# $$H(q, p) = -q \log p - (1 - q) \log (1 - p),$$
#
# which is the **cross entropy**. It is smallest at $p = q$, where its slope $(p - q) / (p (1 - p))$
# is 0. A discriminator that minimises the cross entropy therefore learns the true probabilities.

# %%
fractions = (0.5, 0.7, 0.95)
expected_cost = {f"{q:.0%} real": -losses.bernoulli_log_likelihood(q, p) for q in fractions}
figure = plots.lines(p, expected_cost, "guess $p$", "expected cost in nats")
for name, cost in expected_cost.items():
    lowest = np.argmin(cost)
    print(f"{name}: the cost is lowest at p = {p[lowest]:.2f}")
    figure.axes[0].plot(p[lowest], cost[lowest], "o", color="black", zorder=5)
figure

# %% [markdown]
# ## Logits
#
# The network returns a **logit** $l$, which can be any real number, and
# $p = \sigma(l) = 1 / (1 + e^{-l})$. As a function of the logit, the cost is $\log(1 + e^{-l})$ for
# a real sample and $\log(1 + e^{l})$ for a generated one. It can be computed without $p$, so it
# does not overflow. Its derivative is $\sigma(l) - y$, the guess minus the truth.
# `binary_cross_entropy` is the mean of this cost.

# %%
print("logit       p    cost if real   derivative")
for logit in (-1000.0, -4.0, 0.0, 4.0, 1000.0):
    value, slope = jax.value_and_grad(losses.binary_cross_entropy)(jnp.float32(logit), 1.0)
    print(f"{logit:6.0f} {jax.nn.sigmoid(logit):7.3f} {value:13.3f} {slope:12.3f}")

# %% [markdown]
# ## From the log-likelihood to the value function
#
# Half of the samples that a discriminator sees are real ($y = 1$), half are generated ($y = 0$).
# The sum of its mean log-likelihoods on the two halves is the value function of Goodfellow et al.
# (2014):
#
# $$V(D, G) = \mathbb{E}_{x \sim p_\text{data}} \log D(x)
#           + \mathbb{E}_{z} \log \bigl(1 - D(G(z))\bigr).$$
#
# $D$ maximises $V$, which is maximum likelihood. $G$ minimises $V$, which makes the samples hard to
# tell from real ones.

# %%
real_logits, fake_logits = jnp.array([2.0, 0.5, 3.0]), jnp.array([-1.0, 0.3, -2.0])
on_real = -losses.binary_cross_entropy(real_logits, 1.0)
on_fake = -losses.binary_cross_entropy(fake_logits, 0.0)
print(f"on real {on_real:.4f} + on generated {on_fake:.4f} = {on_real + on_fake:.4f}")
print(f"value function {losses.value_function(real_logits, fake_logits):.4f}")

# %% [markdown]
# ## The optimal discriminator
#
# Let $p_\text{data}(x)$ be the density of the data and $p_G(x)$ the density of generated samples.
# At $x$, the fraction $p_\text{data} / (p_\text{data} + p_G)$ of the samples is real, so the best
# guess is
#
# $$D^*(x) = \frac{p_\text{data}(x)}{p_\text{data}(x) + p_G(x)}.$$
#
# In this example the data are distributed as $N(0, 1)$. The generator's distribution lies too far
# to the right and is too narrow.

# %%
x = np.linspace(-4, 6, 400)
p_data, p_model = norm.pdf(x), norm.pdf(x, 2.0, 0.7)
best = losses.optimal_discriminator(p_data, p_model)
figure, (left, right) = panels(["both distributions", "optimal discriminator"], height=2.6)
left.plot(x, p_data, color=plots.BLUE, label="data")
left.plot(x, p_model, color=plots.ORANGE, linestyle="--", label="generator")
left.legend(fontsize=8)
name_axes(left, "$x$", "density per unit of $x$")
right.plot(x, best, color="black")
name_axes(right, "$x$", "$D^*(x)$, probability of real")
figure

# %% [markdown]
# Gradient ascent on $V$ finds the same function without the formula. Here $D$ is a lookup table
# with one logit at each of 400 grid points, weighted by the two densities.


# %%
def value(logits):
    """V, with both expectations as sums over the grid points."""
    d = jax.nn.sigmoid(logits)
    on_real = losses.bernoulli_log_likelihood(1.0, d)
    on_fake = losses.bernoulli_log_likelihood(0.0, d)
    return jnp.sum(p_data * on_real + p_model * on_fake)


ascend = jax.jit(lambda logits: logits + 2.0 * jax.grad(value)(logits))
logits = jnp.zeros(len(x))
found = {}
for update in range(1001):
    if update in (0, 10, 100, 1000):
        found[f"{update:,} updates"] = jax.nn.sigmoid(logits)
    logits = ascend(logits)
plots.lines(x, {"$D^*(x)$": best} | found, "$x$", "$D(x)$, probability of real")

# %% [markdown]
# $D$ converges quickly where there are many samples and slowly where there are few. A discriminator
# learns little about regions in which neither the data nor the generator has samples.
#
# ## What the generator minimises
#
# With $D^*$ inserted, $V$ becomes a distance between the two distributions, the Jensen-Shannon
# divergence: $V(D^*, G) = -\log 4 + 2\,\mathrm{JS}(p_\text{data}, p_G)$. Its minimum,
# $-\log 4 = -1.386$, is reached when generated samples have the distribution of the data. Then
# $D^* = 1/2$ everywhere.

# %%
chances = (np.arange(10_000) + 0.5) / 10_000  # equally likely quantiles stand for samples
real, noise = norm.ppf(chances), norm.ppf(chances)
print("generator's mean   V(D*, G)   JS in nats")
for mean in (0.0, 0.5, 1.0, 2.0, 4.0, 6.0, 8.0):

    def logit(x, mean=mean):
        """The logit of D*."""
        return norm.logpdf(x) - norm.logpdf(x, mean)

    v = losses.value_function(logit(real), logit(noise + mean))
    print(f"{mean:16.1f} {v:10.3f} {(v + np.log(4)) / 2:12.3f}")

# %% [markdown]
# At larger distances JS hardly changes: it approaches its limit $\log 2 = 0.693$. Its gradient
# vanishes, and a generator that follows it does not learn. The next notebook is about this problem.
#
# ## What to try
#
# - Make the generator's distribution wider than the data instead of narrower. Where is $D^*$ below
#   1/2 now?
# - `losses.label_smoothing(0.1)` sets the target for real samples to 0.9. Which guess then has the
#   lowest cost?
# - Count the updates that $D$ needs at each grid point until it is within 0.01 of $D^*$, and plot
#   the count against $p_\text{data} + p_G$.
