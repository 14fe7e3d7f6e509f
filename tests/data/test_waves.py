import math

import numpy as np
import pytest

from jaxgan import data, metrics
from jaxgan.data import waves

T = np.arange(256) / 256
MEASURES = (
    metrics.fundamental_frequency,
    metrics.harmonic_profile,
    metrics.spectral_centroid,
    metrics.decay_rate,
    metrics.mean_log_spectrum,
)


def sines(frequency, phase=0.0):
    """Pure tones [n, 256, 1] of amplitude 1."""
    frequency, phase = np.broadcast_arrays(np.atleast_1d(frequency), phase)
    return np.sin(2 * np.pi * frequency[:, None] * T + phase[:, None])[..., None]


def drawn(num, seed=0):
    """Arguments of `tones`, as `wave_dataset` is documented to draw them."""
    rng = np.random.default_rng(seed)
    return (
        4.0 * 4.0 ** rng.uniform(size=num),
        rng.integers(3, size=num),
        rng.uniform(0.5, 1.0, num),
        rng.uniform(0.0, 2 * np.pi, num),
        rng.uniform(1.0, 4.0, num),
        rng.uniform(0.5, 0.95, num),
    )


# ---- the data ----


def test_tones_follow_their_formula():
    arguments = drawn(9)
    for row, (f, timbre, b, phi, d, peak) in enumerate(zip(*arguments, strict=True)):
        harmonics = {0: [1], 1: [1, 3, 5, 7], 2: [1, 2, 3, 4, 5, 6, 7]}[timbre]
        x = [
            (1 - math.exp(-t * 64))
            * math.exp(-d * t)
            * sum(b ** (h - 1) / h * math.sin(h * (2 * math.pi * f * t + phi)) for h in harmonics)
            for t in T
        ]
        x = np.array(x) * peak / np.abs(x).max()
        np.testing.assert_allclose(data.tones(*arguments)[row, :, 0], x, atol=5e-5)


def test_wave_dataset_is_the_tones_of_what_it_is_documented_to_draw():
    dataset, arguments = data.wave_dataset(num=50, seed=3), drawn(50, seed=3)
    np.testing.assert_allclose(dataset.x, data.tones(*arguments), atol=1e-4)
    np.testing.assert_array_equal(dataset.condition, arguments[1])


def test_wave_dataset_is_bounded_labelled_and_depends_on_the_seed_alone():
    one, same, other = (data.wave_dataset(num=300, seed=seed) for seed in (1, 1, 2))
    assert one.x.shape == (300, 256, 1)
    assert one.x.dtype == np.float32
    assert (one.low, one.high, one.name) == (-1.0, 1.0, "waves")
    assert one.condition.dtype == np.int32
    assert set(one.condition) == {0, 1, 2}
    np.testing.assert_array_equal(one.x, same.x)
    assert not np.array_equal(one.x, other.x)
    peak = np.abs(one.x).max(axis=(1, 2))
    assert 0.5 - 1e-6 < peak.min() < 0.52 < 0.93 < peak.max() < 0.95 + 1e-6


def test_waves_load_by_name():
    dataset = data.load("waves")
    assert len(dataset.x) == 20_000
    assert dataset.name == "waves"


def test_no_harmonic_reaches_half_the_sampling_rate():
    assert waves.HARMONICS * waves.FUNDAMENTALS[1] < waves.WAVE_LENGTH / 2


# ---- measures ----


def test_fundamental_of_pure_tones_is_right_to_a_thousandth():
    frequency = np.linspace(4.0, 115.0, 2000)
    phase = np.random.default_rng(0).uniform(0, 2 * np.pi, 2000)
    got = metrics.fundamental_frequency(0.3 * sines(frequency, phase))
    np.testing.assert_allclose(got, frequency, rtol=1e-3)


def test_fundamental_of_plucked_tones_is_right_to_two_thousandths():
    arguments = drawn(2000)
    error = metrics.fundamental_frequency(data.tones(*arguments)) / arguments[0] - 1
    assert np.quantile(np.abs(error), 0.99) < 2e-3
    assert np.abs(error).max() < 6e-3


def test_fundamental_of_a_tone_on_an_offset_is_that_of_the_tone():
    np.testing.assert_allclose(metrics.fundamental_frequency(5.0 + sines(9.3)), 9.3, rtol=1e-3)


def test_fundamental_of_two_channels_is_that_of_the_louder():
    x = np.concatenate([0.2 * sines(7.0), sines(11.0)], axis=2)
    np.testing.assert_allclose(metrics.fundamental_frequency(x), 11.0, rtol=1e-3)
    np.testing.assert_allclose(metrics.fundamental_frequency(x[..., :1]), 7.0, rtol=1e-3)


def test_harmonic_profile_holds_the_power_of_each_harmonic():
    amplitudes = np.array([1.0, 0.0, 0.5, 0.25])
    x = sum(a * sines(8.0 * h, 0.3 * h) for h, a in enumerate(amplitudes, start=1))
    x = x + 0.5 * sines(12.0)  # half-way between the first two: belongs to none
    power = amplitudes**2
    expected = power / (power.sum() + 0.25)
    np.testing.assert_allclose(metrics.harmonic_profile(x, num=4), [expected], atol=1e-6)
    np.testing.assert_allclose(metrics.harmonic_profile(x, num=2), [expected[:2]], atol=1e-6)


def test_harmonic_profile_sums_to_one_for_waves_and_below_a_half_for_noise():
    assert np.median(metrics.harmonic_profile(data.wave_dataset(500).x).sum(axis=1)) > 0.99
    noise = np.random.default_rng(0).normal(size=(500, 256, 1))
    assert 0.3 < metrics.harmonic_profile(noise, num=200).sum(axis=1).mean() < 0.5


def test_harmonic_profile_tells_the_timbres_apart():
    dataset = data.wave_dataset(500)
    profile = metrics.harmonic_profile(dataset.x)
    # even harmonics only in a saw, odd ones beyond the first not in a sine
    assert (
        profile[dataset.condition != 2, 1].max() < 0.02 < profile[dataset.condition == 2, 1].min()
    )
    assert np.median(profile[dataset.condition == 0, 2]) < 1e-3
    assert profile[dataset.condition == 1, 2].min() > 3e-3


def test_spectral_centroid_is_the_mean_of_frequencies_by_power():
    x = sines(10.0) + 2.0 * sines(40.0)
    np.testing.assert_allclose(metrics.spectral_centroid(x), (10 + 4 * 40) / 5, rtol=1e-6)


@pytest.mark.parametrize("rate", [-1.0, 0.0, 2.5, 6.0])
def test_decay_rate_of_an_exponential_is_its_rate(rate):
    x = np.exp(-rate * T)[None, :, None] * [1.0, -0.3]
    np.testing.assert_allclose(metrics.decay_rate(x), rate, atol=1e-6)


def test_mean_log_spectrum_of_a_sine_is_its_level():
    spectrum = metrics.mean_log_spectrum(
        np.concatenate([sines(20.0), 0.01 * sines(20.0)]), floor=1e-9
    )
    assert spectrum.shape == (129,)
    np.testing.assert_allclose(spectrum[20], -20.0, atol=1e-3)  # the mean of 0 and -40 dB
    np.testing.assert_allclose(spectrum[[5, 60]], -90.0, atol=1e-3)


@pytest.mark.parametrize("measure", MEASURES[:4])
def test_measures_of_silence_and_of_what_has_no_pitch_are_finite(measure):
    ramp, alternating = np.linspace(0, 1, 256), np.cos(np.pi * np.arange(256))
    rows = np.stack([np.zeros(256), np.ones(256), ramp, alternating, np.eye(256)[128]])
    got = measure(rows[..., None])
    assert np.isfinite(got).all()
    assert not got[0].any()


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("shape", [(5, 256), (256,), (5, 16, 16, 1), (5, 4, 1)])
def test_measures_name_what_is_no_waveform(measure, shape):
    with pytest.raises(ValueError, match=r"x must hold waveforms \[n, length, channels\]"):
        measure(np.zeros(shape))
