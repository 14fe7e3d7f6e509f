"""Outputs of a run's folder in one call."""

from jaxgan.runs.disk.generator import TrainedGenerator, load_generator
from jaxgan.runs.outputs.evaluate import evaluate_generator
from jaxgan.runs.outputs.samples import draw_samples
from jaxgan.runs.settings.run_data import load_data
from jaxgan.scoring import EvaluationOptions


def sample_run(run, num, seed, use_ema=True, labels=None, which="latest"):
    return draw_samples(load_generator(run, use_ema, which), num, seed, labels)


def evaluate_run(run, use_ema=True, which="latest", source=None, **options):
    """Scores of a run against its data, or those at `source`, quickly: without errors."""
    generator = load_generator(run, use_ema, which)
    dataset, differ = load_data(generator.config, source)
    options = EvaluationOptions(**{"errors": False} | options)
    return evaluate_generator(generator, dataset, options, differ)


def described(config):
    """A generator without networks, for what only looks at a run's configuration."""
    return TrainedGenerator(None, None, None, ema=False, step=0, config=config)
