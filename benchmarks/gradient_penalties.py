"""Time of a discriminator update with exact gradient penalties, and with approximate ones.

    python benchmarks/gradient_penalties.py --repeats 15 --json gradient_penalties.json

The rows take turns and medians are compared. Seconds are of the process, so that other processes
disturb little. The networks are the MLP of the ring's recipe and a DCGAN for digits of 28 pixels.
"""

import argparse
import json
import statistics
import time

import jax
import jax.numpy as jnp
import optax
from machine import cpu_times, others_share, print_machine

import jaxgan
from jaxgan import latents, losses, penalty, regularizers
from jaxgan.models import (
    DCGANDiscriminator,
    DCGANGenerator,
    MLPDiscriminator,
    MLPGenerator,
)

PENALTIES = {
    "none": (),
    "R1": (penalty(regularizers.r1, gamma=1.0),),
    "approximate R1": (penalty(regularizers.approximate_r1, gamma=1.0),),
    "R1 and R2": (penalty(regularizers.r1, gamma=1.0), penalty(regularizers.r2, gamma=1.0)),
    "approximate R1 and R2": (
        penalty(regularizers.approximate_r1, gamma=1.0),
        penalty(regularizers.approximate_r2, gamma=1.0),
    ),
}


def mlp() -> tuple:
    """Networks and sizes of samples and latents: points in the plane, batches of 256."""
    generator = MLPGenerator((2,), hidden=(128, 128), output=None)
    return generator, MLPDiscriminator(hidden=(128, 128), dropout=0.0), (256, 2), 2


def dcgan() -> tuple:
    """The same of small images, batches of 32; no batch norm in the discriminator."""
    return DCGANGenerator((28, 28, 1)), DCGANDiscriminator(norm="none"), (32, 28, 28, 1), 64


def make_update(networks: tuple, penalties: tuple) -> tuple:
    """A compiled update of the discriminator with its arguments."""
    generator, discriminator, shape, size = networks
    gan = jaxgan.GAN(
        generator=jaxgan.from_linen(generator),
        discriminator=jaxgan.from_linen(discriminator),
        latent=latents.normal(size),
        loss=losses.non_saturating,
        generator_optimizer=optax.adam(1e-4),
        discriminator_optimizer=optax.adam(1e-4),
        penalties=penalties,
    )
    key, batch = jax.random.key(0), jnp.zeros(shape)
    state = jax.jit(lambda key: jaxgan.init(key, gan, batch))(key)
    update = jax.jit(jaxgan.make_discriminator_step(gan))
    jax.block_until_ready(update(key, state, batch))
    return update, (key, state, batch)


def seconds_of(update, arguments: tuple, calls: int) -> float:
    """CPU seconds of one update, the mean of several calls."""
    start = time.process_time()
    for _ in range(calls):
        result = update(*arguments)
    jax.block_until_ready(result)
    return (time.process_time() - start) / calls


def measure(networks: tuple, repeats: int, calls: int) -> dict[str, float]:
    """The median time of each row, in CPU milliseconds."""
    updates = {name: make_update(networks, terms) for name, terms in PENALTIES.items()}
    seconds: dict[str, list[float]] = {name: [] for name in PENALTIES}
    for _ in range(repeats):
        for name, (update, arguments) in updates.items():
            seconds[name].append(seconds_of(update, arguments, calls))
    return {name: 1000 * statistics.median(each) for name, each in seconds.items()}


def main():
    """Prints both tables and writes them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15, help="measurements of each row")
    parser.add_argument("--json", help="file to write the rows to")
    options = parser.parse_args()
    print_machine()
    before, rows = cpu_times(), []
    for name, networks, calls in (("MLP", mlp(), 100), ("DCGAN", dcgan(), 5)):
        times = measure(networks, options.repeats, calls)
        print(f"\n{name}: discriminator update, CPU ms, median of {options.repeats}")
        for penalties, milliseconds in times.items():
            print(f"  {penalties:<24}{milliseconds:8.2f}  {milliseconds / times['none']:.2f}x")
            row = {"network": name, "penalties": penalties, "cpu_ms": milliseconds}
            rows.append(row)
    share = others_share(before, cpu_times())
    if share is not None:
        print(f"\nother processes took {share:.0%} of all cores")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
