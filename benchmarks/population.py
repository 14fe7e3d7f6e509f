"""How fast are many small GANs, trained together, one after the other, and in PyTorch?

    python benchmarks/population.py --json population.json --picture population.png
    python benchmarks/population.py --measure --json population_measure.json

By default, 256 GANs of two hidden layers of 25 units on a ring of 8 Gaussians: 8 learning rates x 8
gammas x 4 seeds, as `jaxgan.fit_many` trains them. They are trained in eight chunks; after each,
one member is trained by itself in jaxgan and one in PyTorch, so that all see the same machine.
Eight runs by themselves stand for 256. The members together are also split over two virtual
devices, one for each core. The processor time is beside the wall time, for it depends less on what
else runs.

With --measure, milliseconds per member and round of each way to train members, by width and batch
size: together (vmap), one after the other in one program (lax.map) or in a Python loop, and the
first two split over two virtual devices. `jaxgan.population.programs.members_at_once` follows it.
"""

import argparse
import dataclasses
import importlib.util
import json
import os
import time
from pathlib import Path

if __name__ == "__main__":
    flag = "--xla_force_host_platform_device_count=2"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flag}"

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, PartitionSpec
from machine import cpu_times, others_share, print_disturbance, print_machine

import jaxgan
from jaxgan import data, latents, losses, plots, population
from jaxgan.metrics import mode_scores
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.population.fitting import table_of
from jaxgan.population.members import all_members, make_setup, trained
from jaxgan.regularizers import r1, r2
from jaxgan.training.batches import Form
from jaxgan.training.keys import training_keys
from jaxgan.training.rounds import make_round, many
from jaxgan.training.state import run_state

UNIT = 0.2  # of the discriminator's inputs, 20 sigma
RING = data.MIXTURES["ring8"]()
RATES, GAMMAS, SEEDS = (1e-4, 1e-2, 8), (0.1, 100.0, 8), 4
CHUNKS = 8
BATCH, WIDTH = 128, 25


# --- The GAN


def maker(width: int):
    """make_gan(learning_rate, gamma) with two hidden layers, as in the recipe `ring`."""
    hidden = (width, width)
    base = jaxgan.GAN(
        generator=jaxgan.from_linen(MLPGenerator((2,), hidden, output=lambda x: UNIT * x)),
        discriminator=in_units(
            jaxgan.from_linen(MLPDiscriminator(hidden, dropout=0.0, activation=jnp.sin))
        ),
        latent=latents.concatenate(latents.normal(2), latents.rademacher(8)),
        loss=losses.relativistic,
        generator_optimizer=optax.identity(),
        discriminator_optimizer=optax.identity(),
        ema_decay=0.99,
    )

    def make_gan(learning_rate, gamma):
        weight = gamma * UNIT**2
        adam = optax.adam(learning_rate, b1=0.5, b2=0.9)
        penalties = (jaxgan.penalty(r1, gamma=weight), jaxgan.penalty(r2, gamma=weight))
        return dataclasses.replace(
            base, penalties=penalties, generator_optimizer=adam, discriminator_optimizer=adam
        )

    return make_gan


def in_units(network):
    def apply(params, model_state, x, **options):
        return network.apply(params, model_state, x / UNIT, **options)

    return network._replace(apply=apply)


def score(key, gan, state):
    samples = jaxgan.sample(key, gan, state, 2_500)
    near = mode_scores(samples, RING.centres, 5 * RING.sigma)
    return mode_scores(samples, RING.centres, RING.sigma) | {
        "modes_within_15_sigma": near["modes"],
        "within_15_sigma": near["high_quality"],
    }


# --- The same in PyTorch


def torch_run(x: np.ndarray, learning_rate: float, gamma: float, steps: int):
    """One GAN in a plain PyTorch loop; returns its samples' mean, so that nothing is left out."""
    import torch
    from torch import nn

    torch.set_num_threads(1)  # networks this small gain nothing by more

    class Sine(nn.Module):
        def forward(self, x):
            return torch.sin(x)

    g = nn.Sequential(
        *(nn.Linear(10, WIDTH), nn.LeakyReLU(0.2), nn.Linear(WIDTH, WIDTH), nn.LeakyReLU(0.2)),
        nn.Linear(WIDTH, 2),
    )
    d = nn.Sequential(
        nn.Linear(2, WIDTH), Sine(), nn.Linear(WIDTH, WIDTH), Sine(), nn.Linear(WIDTH, 1)
    )
    average = [p.detach().clone() for p in g.parameters()]
    own = {"lr": learning_rate, "betas": (0.5, 0.9)}
    optimizers = torch.optim.Adam(g.parameters(), **own), torch.optim.Adam(d.parameters(), **own)
    points = torch.from_numpy(x)

    def latent():
        signs = torch.randint(0, 2, (BATCH, 8)).float() * 2 - 1
        return torch.cat([torch.randn(BATCH, 2), signs], 1)

    def squared_slope(inputs, logits):
        (slope,) = torch.autograd.grad(logits.sum(), inputs, create_graph=True)
        return slope.square().sum(1).mean()

    softplus = nn.functional.softplus
    for _ in range(steps):
        real = points[torch.randint(0, len(points), (BATCH,))].requires_grad_()
        with torch.no_grad():
            fake = UNIT * g(latent())
        fake.requires_grad_()
        real_logits, fake_logits = d(real / UNIT)[:, 0], d(fake / UNIT)[:, 0]
        slopes = squared_slope(real, real_logits) + squared_slope(fake, fake_logits)
        loss = softplus(fake_logits - real_logits).mean() + 0.5 * gamma * UNIT**2 * slopes
        optimizers[1].zero_grad()
        loss.backward()
        optimizers[1].step()
        fake = UNIT * g(latent())
        with torch.no_grad():
            real_logits = d(real / UNIT)[:, 0]
        loss = softplus(real_logits - d(fake / UNIT)[:, 0]).mean()
        optimizers[0].zero_grad()
        loss.backward()
        optimizers[0].step()
        with torch.no_grad():
            torch._foreach_lerp_(average, list(g.parameters()), 0.01)
    return float(fake.detach().mean())


# --- 256 GANs


def timed(function):
    """The result of a function, with its wall and processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = function()
    return result, np.array([time.perf_counter() - wall, time.process_time() - cpu])


def compare(steps: int) -> tuple[dict, dict]:
    """Seconds of 256 runs in each way, and the table of the members."""
    x = data.load("ring8")
    points = population.grid(
        learning_rate=population.geomspace(*RATES), gamma=population.geomspace(*GAMMAS)
    )
    members = all_members(points, SEEDS)
    count = len(members.seed)
    plan = jaxgan.Plan(batch_size=BATCH, devices=1)
    setup = make_setup(jax.random.key(0), maker(WIDTH), x, plan, score, members)
    together = setup._replace(at_once=count // CHUNKS)
    # On a single GPU there is nothing to split over.
    split = together._replace(plan=plan._replace(devices=2), at_once=count // CHUNKS // 2)
    on_two = jax.device_count() > 1
    places = np.arange(count).reshape(CHUNKS, -1)
    with_torch = importlib.util.find_spec("torch") is not None

    def run(setup, places, steps=steps):
        return trained(setup, members.taken(places), None, 0, steps)

    warm = min(steps, 100)  # the length of a compiled call
    _, compile_together = timed(lambda: run(together, places[0], warm))
    _, compile_alone = timed(lambda: run(setup, places[0, :1], warm))
    if on_two:
        run(split, places[0], warm)
    if with_torch:
        torch_run(x.x, 1e-3, 1.0, 10)
    names = ("together", "together, two devices", "one after the other", "PyTorch")
    seconds = {name: np.zeros(2) for name in names}
    parts = []
    for own in places:
        part, spent = timed(lambda own=own: run(together, own))
        parts.append(part)
        seconds["together"] += spent
        if on_two:
            seconds["together, two devices"] += timed(lambda own=own: run(split, own))[1]
        middle = own[len(own) // 2 :][:1]
        seconds["one after the other"] += timed(lambda own=middle: run(setup, own))[1]
        if with_torch:
            rate, gamma = (float(members.numbers[name][middle[0]]) for name in points)
            seconds["PyTorch"] += timed(lambda r=rate, g=gamma: torch_run(x.x, r, g, steps))[1]
        print({name: each.round(1).tolist() for name, each in seconds.items()}, flush=True)
    for name in ("one after the other", "PyTorch"):
        seconds[name] *= count / CHUNKS
    whole = jax.tree.map(lambda *each: np.concatenate(each), *parts)
    results = {
        name: {"wall_s": round(float(wall), 1), "cpu_s": round(float(cpu), 1)}
        for name, (wall, cpu) in seconds.items()
        if wall
    }
    results["first call, compiled"] = {
        "together_s": round(float(compile_together[0]), 1),
        "alone_s": round(float(compile_alone[0]), 1),
    }
    return results, dict(table_of(members, whole))


# --- Ways to train members


def ways(width: int, batch: int, members: int, rounds: int) -> dict:
    """Functions that train members for some rounds, each in another way."""
    make_gan, plan = maker(width), jaxgan.Plan(batch_size=batch, devices=1)
    form, x = Form((2,), None, None), jnp.asarray(data.load("ring8").x)
    records = jaxgan.Batch(x)

    def member(own, records):
        numbers, state, payloads = own
        keys = training_keys(state.key)
        play = many(make_round(make_gan(**numbers), "both", form, plan))
        return play((keys.rounds, keys.transforms), state, payloads, records)[0]

    def begin(key, numbers):
        return run_state(key, jaxgan.init(key, make_gan(**numbers), x[:batch]))

    numbers = {
        "learning_rate": jnp.linspace(1e-3, 2e-3, members),
        "gamma": jnp.linspace(1.0, 10.0, members),
    }
    states = jax.jit(jax.vmap(begin))(jax.random.split(jax.random.key(0), members), numbers)
    drawn = np.random.default_rng(0).integers(0, len(x), (members, rounds, batch))
    own = (numbers, states, jnp.asarray(drawn, jnp.int32))
    each = [jax.tree.map(lambda a, i=i: a[i], own) for i in range(members)]
    split, whole = PartitionSpec("members"), PartitionSpec()
    mesh = Mesh(np.asarray(jax.devices()), ("members",))

    def over_devices(function):
        mapped = jax.shard_map(
            function, mesh=mesh, in_specs=(split, whole), out_specs=split, check_vma=False
        )
        return jax.jit(mapped)

    together = jax.vmap(member, in_axes=(0, None))

    def in_turn(own, records):
        return jax.lax.map(lambda one: member(one, records), own)

    alone = jax.jit(member)
    programs = {
        "vmap": jax.jit(together),
        "map": jax.jit(in_turn),
        "vmap, two devices": over_devices(together),
        "map, two devices": over_devices(in_turn),
    }
    called = {
        name: (lambda f=f: jax.block_until_ready(f(own, records))) for name, f in programs.items()
    }
    called["loop"] = lambda: jax.block_until_ready([alone(one, records) for one in each])
    return called


def measure(widths, batches, members: int, repeats: int):
    """Yields milliseconds per member and round by size, medians of interleaved repeats."""
    for width in widths:
        for batch in batches:
            rounds = int(np.clip(2**20 // (width * batch), 10, 100))
            called = ways(width, batch, members, rounds)
            spent = {name: [] for name in called}
            for function in called.values():
                function()  # compiled
            for _ in range(repeats):
                for name, function in called.items():
                    spent[name].append(timed(function)[1])
            row: dict = {"width": width, "batch": batch}
            for name, values in spent.items():
                wall, cpu = 1e3 * np.median(values, axis=0) / (members * rounds)
                row[name] = {"wall_ms": round(float(wall), 4), "cpu_ms": round(float(cpu), 4)}
            print(row, flush=True)
            yield row


# --- The script


def numbers_of(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--picture", type=Path, help="file for the phase diagram")
    parser.add_argument("--steps", type=int, default=1_000)
    parser.add_argument("--measure", action="store_true", help="ways to train members, by size")
    parser.add_argument("--widths", type=numbers_of, default=[16, 25, 64, 128, 256])
    parser.add_argument("--batches", type=numbers_of, default=[32, 128, 512])
    parser.add_argument("--members", type=int, default=8, help="with --measure")
    parser.add_argument("--repeats", type=int, default=5, help="with --measure")
    args = parser.parse_args()
    print_machine()
    before = cpu_times()
    if args.measure:
        results: dict = {"rows": []}
        for row in measure(args.widths, args.batches, args.members, args.repeats):
            results["rows"].append(row)
            if args.json:  # as they come
                args.json.write_text(json.dumps(results) + "\n")
    else:
        seconds, table = compare(args.steps)
        columns = {name: np.asarray(column).tolist() for name, column in table.items()}
        results = {"steps": args.steps, "seconds": seconds, "table": columns}
        print(json.dumps(seconds, indent=2))
        if args.picture:
            figure = plots.phase(table, "learning_rate", "gamma", "modes")
            figure.savefig(args.picture, dpi=90)
    others = others_share(before, cpu_times())
    print_disturbance(others)
    if args.json:
        args.json.write_text(json.dumps(results | {"others_share": others}) + "\n")


if __name__ == "__main__":
    main()
