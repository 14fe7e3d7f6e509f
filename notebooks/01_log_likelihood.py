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
# **What it shows:** why a discriminator is trained by logarithms of probabilities, why confident
# wrong guesses cost the most, and how that leads to the value function $V(D, G)$ of a GAN.
# **What it needs:** jaxgan. **How long it takes:** a few seconds.

# %%
# %matplotlib inline
import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import norm

from jaxgan import losses, plots

# %% [markdown]
# ## A guess is a probability
#
# A discriminator sees a sample and says with which probability $p$ it is real. The outcome is
# $y = 1$ (real) or $y = 0$ (generated). Under the guess, the outcome has the probability
#
# $$P(y) = p^y (1 - p)^{1 - y}, \qquad \log P(y) = y \log p + (1 - y) \log (1 - p).$$
#
# The second is the **log-likelihood** of a Bernoulli variable. It is 0 for a sure and right guess,
# and negative otherwise.

# %%
print("guess p   if it is real   if it is generated   (log-likelihood, nats)")
for p in (0.01, 0.1, 0.5, 0.9, 0.99):
    real = losses.bernoulli_log_likelihood(1.0, p)
    fake = losses.bernoulli_log_likelihood(0.0, p)
    print(f"{p:7.2f} {real:15.3f} {fake:20.3f}")

# %% [markdown]
# ## Why the logarithm?
#
# Independent samples multiply their probabilities. The product of many is too small for a computer;
# the sum of their logarithms is an ordinary number, and has its maximum at the same place.

# %%
probabilities = np.full(1000, 0.5, np.float32)
print("product:            ", np.prod(probabilities))
print("sum of logarithms:  ", np.sum(losses.log_probability(probabilities)))

# %% [markdown]
# ## Confident wrong guesses cost the most
#
# The cost of a guess is minus its log-likelihood. It is small for right guesses, but grows without
# limit for wrong ones: half as much probability for what did happen costs $\log 2 = 0.69$ more,
# however little was left.

# %%
p = np.linspace(0.001, 0.999, 500)
cost = {
    "it is real, $-\\log p$": -losses.bernoulli_log_likelihood(1.0, p),
    "it is generated, $-\\log(1-p)$": -losses.bernoulli_log_likelihood(0.0, p),
}
plots.lines(p, cost, "guess $p$ that the sample is real", "cost, nats")

# %% [markdown]
# ## The best guess is the honest one
#
# Suppose a share $q$ of samples that look like this are real. A guess $p$ costs on average
#
# $$H(q, p) = -q \log p - (1 - q) \log (1 - p),$$
#
# the **cross entropy**. It is smallest at $p = q$, where its slope $(p - q) / (p (1 - p))$ is 0.
# So who minimises it learns true probabilities: this is what a discriminator does.

# %%
expected_cost = {
    f"{q:.0%} are real": -losses.bernoulli_log_likelihood(q, p) for q in (0.5, 0.7, 0.95)
}
for name, values in expected_cost.items():
    print(f"{name}: cheapest guess p = {p[np.argmin(values)]:.2f}")
plots.lines(p, expected_cost, "guess $p$", "expected cost, nats")

# %% [markdown]
# ## Logits
#
# Networks give a **logit** $l$, any real number, and $p = \sigma(l) = 1 / (1 + e^{-l})$. In terms
# of logits the cost is $\log(1 + e^{-l})$ for a real sample and $\log(1 + e^{l})$ for a generated
# one, which can be computed without ever forming $p$. Its derivative is simply $\sigma(l) - y$:
# guess minus truth. `binary_cross_entropy` is the mean of this cost.

# %%
print("logit       p    cost if real   derivative")
for logit in (-1000.0, -4.0, 0.0, 4.0, 1000.0):
    value, slope = jax.value_and_grad(losses.binary_cross_entropy)(jnp.float32(logit), 1.0)
    print(f"{logit:6.0f} {jax.nn.sigmoid(logit):7.3f} {value:13.3f} {slope:12.3f}")

# %% [markdown]
# ## From the log-likelihood to the value function
#
# Half of what a discriminator sees is real ($y = 1$), half comes from the generator ($y = 0$). Its
# mean log-likelihoods on the two halves add up to the value function of Goodfellow et al. (2014):
#
# $$V(D, G) = \mathbb{E}_{x \sim p_\text{data}} \log D(x)
#           + \mathbb{E}_{z} \log \bigl(1 - D(G(z))\bigr).$$
#
# $D$ maximises it, which is maximum likelihood; $G$ minimises it, which makes $D$'s task hard.

# %%
real_logits, fake_logits = jnp.array([2.0, 0.5, 3.0]), jnp.array([-1.0, 0.3, -2.0])
on_real = -losses.binary_cross_entropy(real_logits, 1.0)
on_fake = -losses.binary_cross_entropy(fake_logits, 0.0)
print(f"on real {on_real:.4f} + on generated {on_fake:.4f} = {on_real + on_fake:.4f}")
print(f"value function                      {losses.value_function(real_logits, fake_logits):.4f}")

# %% [markdown]
# ## The best discriminator
#
# Where the data have density $p_\text{data}(x)$ and the generator's samples $p_G(x)$, a share
# $p_\text{data} / (p_\text{data} + p_G)$ of the samples is real, and the honest guess is
#
# $$D^*(x) = \frac{p_\text{data}(x)}{p_\text{data}(x) + p_G(x)}.$$
#
# Here the data are $N(0, 1)$ and the generator is too far to the right, and too narrow.

# %%
x = np.linspace(-4, 6, 400)
p_data, p_model = norm.pdf(x), norm.pdf(x, 2.0, 0.7)
best = losses.optimal_discriminator(p_data, p_model)
curves = {"density of the data": p_data, "density of the generator": p_model, "$D^*(x)$": best}
plots.lines(x, curves, "$x$", "density per unit of $x$; probability $D^*$")

# %% [markdown]
# No formula is needed to find it: gradient ascent of $V$ finds the same function. Here $D$ is a
# table of one logit for each of 400 places, and each place counts by its two densities.


# %%
def value(logits):
    """V, with both expectations as sums over the places."""
    d = jax.nn.sigmoid(logits)
    on_real = losses.bernoulli_log_likelihood(1.0, d)
    on_fake = losses.bernoulli_log_likelihood(0.0, d)
    return jnp.sum(p_data * on_real + p_model * on_fake)


ascend = jax.jit(lambda logits: logits + 2.0 * jax.grad(value)(logits))
logits = jnp.zeros(len(x))
found = {}
for update in range(1001):
    if update in (0, 10, 100, 1000):
        found[f"after {update} updates"] = jax.nn.sigmoid(logits)
    logits = ascend(logits)
plots.lines(x, found | {"$D^*(x)$": best}, "$x$", "$D(x)$, a probability")

# %% [markdown]
# It is right first where there are many samples, and last where there are hardly any: a
# discriminator knows little about places that neither the data nor the generator visit.
#
# ## What is left for the generator
#
# Put $D^*$ into $V$ and what remains is a distance of the two distributions, the Jensen-Shannon
# divergence: $V(D^*, G) = -\log 4 + 2\,\mathrm{JS}(p_\text{data}, p_G)$. It is smallest, $-\log 4 =
# -1.386$, when the generator's samples are distributed as the data; then $D^* = 1/2$ everywhere.

# %%
chances = (np.arange(10_000) + 0.5) / 10_000  # equally likely quantiles stand for samples
real, noise = norm.ppf(chances), norm.ppf(chances)
print("generator's mean   V(D*, G)   JS, nats")
for mean in (0.0, 0.5, 1.0, 2.0, 4.0, 6.0, 8.0):

    def logit(x, mean=mean):
        """That of D*."""
        return norm.logpdf(x) - norm.logpdf(x, mean)

    v = losses.value_function(logit(real), logit(noise + mean))
    print(f"{mean:16.1f} {v:10.3f} {(v + np.log(4)) / 2:10.3f}")

# %% [markdown]
# Further away hardly anything changes: JS comes to its limit $\log 2 = 0.693$, and a generator that
# follows its slope learns nothing. The next notebook is about that.
#
# ## What to try
#
# - Let the generator be wider than the data instead of narrower. Where is $D^*$ below 1/2 now?
# - `losses.label_smoothing(0.1)` asks for 0.9 on real samples. Which guess is the cheapest then?
# - Give each place its own number of updates until $D$ is within 0.01 of $D^*$, and plot it over
#   $p_\text{data} + p_G$.
