"""Measures of waveforms: pitch, harmonics, brightness, decay and spectrum."""

import numpy as np

_PADDING = 4  # windows: the length to which waveforms are filled up to find a spectrum's peak


def fundamental_frequency(x: np.ndarray) -> np.ndarray:
    """Frequency of the strongest partial: the fundamental where that one is the loudest.

    The peak of the power spectrum, taken under a Hann window at every quarter cycle a window, by a
    parabola through the logarithms of three values. Right to .1 % for pure tones between 4 cycles
    a window and nine tenths of half the sampling rate, to .2 % for 99 % of `wave_dataset`.

    Args:
      x: float [n, length, channels]; power is summed over channels.

    Returns:
      float64 [n], cycles a window, 1 or more; 0 for silence.

    Raises:
      ValueError: if x is no set of waveforms.
    """
    x = _waveforms(x)
    power = _power_spectrum(x - x.mean(axis=1, keepdims=True), _PADDING)
    power[:, :_PADDING] = 0.0  # drifts, below one cycle a window
    peak = np.clip(power.argmax(axis=1), _PADDING, power.shape[1] - 2)
    below, top, above = np.log(
        np.take_along_axis(power, peak[:, None] + [-1, 0, 1], axis=1) + np.finfo(np.float64).tiny
    ).T
    curvature = below - 2 * top + above
    # a peak is curved downwards; what is not (an end of the range, silence) stays on its frequency
    curved = np.where(curvature < 0, curvature, -np.inf)
    offset = np.clip(0.5 * (below - above) / curved, -1.0, 1.0)
    return np.where(power.any(axis=1), (peak + offset) / _PADDING, 0.0)


def harmonic_profile(x: np.ndarray, num: int = 7) -> np.ndarray:
    """Shares of the power near each multiple of the fundamental: nearer than a quarter of it.

    Their sum says how harmonic a waveform is: 1 for a periodic one; for white noise half the range
    of frequencies that is covered, .5 at most on average.

    Args:
      x: float [n, length, channels].
      num: multiples, from the fundamental itself.

    Returns:
      float64 [n, num] in 0..1; zeros for silence.

    Raises:
      ValueError: if x is no set of waveforms.
    """
    power = _power_spectrum(x)
    fundamental = fundamental_frequency(x)[:, None]
    frequency = np.arange(power.shape[1])
    ratio = np.divide(frequency, fundamental, out=np.zeros_like(power), where=fundamental > 0)
    multiple = np.rint(ratio)
    multiple[np.abs(ratio - multiple) > 0.25] = 0.0
    near = [np.sum(power, axis=1, where=multiple == h) for h in range(1, num + 1)]
    return _ratio(np.stack(near, axis=1), power.sum(axis=1)[:, None])


def spectral_centroid(x: np.ndarray) -> np.ndarray:
    """Mean frequency, weighted by power: how bright a waveform sounds.

    Args:
      x: float [n, length, channels].

    Returns:
      float64 [n], cycles a window; 0 for silence.

    Raises:
      ValueError: if x is no set of waveforms.
    """
    power = _power_spectrum(x)
    return _ratio(power @ np.arange(power.shape[1]), power.sum(axis=1))


def decay_rate(x: np.ndarray) -> np.ndarray:
    """Half-windows compared: ln (E_1 / E_2), their energies.

    An envelope e^(-d t) has energies e^(-2 d t), which half a window lessens by e^d: so this is d.

    Args:
      x: float [n, length, channels].

    Returns:
      float64 [n], nepers a window; 0 for silence.

    Raises:
      ValueError: if x is no set of waveforms.
    """
    energy = np.sum(_waveforms(x) ** 2, axis=2)
    half = energy.shape[1] // 2
    first, second = energy[:, :half].sum(axis=1), energy[:, -half:].sum(axis=1)
    least = np.finfo(np.float32).tiny  # keeps silence, and a silent half, finite
    return np.log((first + least) / (second + least))


def mean_log_spectrum(x: np.ndarray, floor: float = 1e-6) -> np.ndarray:
    """Mean over waveforms of 10 log10 of the power spectrum: the sound of the set as a whole.

    Args:
      x: float [n, length, channels].
      floor: power added before the logarithm, where a sine of amplitude 1 has power 1.

    Returns:
      float64 [length // 2 + 1], dB, for 0, 1, ... cycles a window.

    Raises:
      ValueError: if x is no set of waveforms.
    """
    return np.mean(10 * np.log10(_power_spectrum(x) + floor), axis=0)


def _power_spectrum(x: np.ndarray, padding: int = 1) -> np.ndarray:
    """Power [n, frequencies] at 1 / padding cycles a window each; 1 for a sine of amplitude 1."""
    x = _waveforms(x)
    length = x.shape[1]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    spectrum = np.fft.rfft(x * (4 / length * hann)[:, None], padding * length, axis=1)
    return np.sum(spectrum.real**2 + spectrum.imag**2, axis=2)


def _waveforms(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, np.float64)
    if x.ndim != 3 or x.shape[1] < 8:
        raise ValueError(
            f"x must hold waveforms [n, length, channels] of length 8 or more, got shape {x.shape}"
        )
    return x


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Part over whole, 0 where the whole is."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
