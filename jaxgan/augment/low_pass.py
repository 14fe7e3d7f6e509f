"""Matrices of the orthogonal low-pass filters that ADA resamples and filters images with.

Each is applied along one axis and reflects images about their border pixels. They are made with
NumPy when a function is traced, so that a compiled program holds them as constants.

>>> fine, coarse = upsampling_matrix(8), downsampling_matrix(8)
>>> fine.shape, coarse.shape  # three reflected images with a border; the image with a margin
((47, 8), (8, 28))
"""

import numpy as np

SYM6 = np.array(
    [
        *(0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633),
        *(0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252),
        *(-0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148),
    ]
)
"""Daubechies' least asymmetric low-pass filter with 6 vanishing moments (symlet 6)."""
SYM2 = np.array([-0.12940952255092145, 0.22414386804185735, 0.836516303737469, 0.48296291314469025])
"""The same with 2 vanishing moments (symlet 2)."""
MARGIN = len(SYM6) // 4
"""Pixels beyond each border of the image that the filter needs."""


def upsampling_matrix(size: int) -> np.ndarray:
    """Upsampling by 2 of an axis that is reflected at both ends, with one zero before, two after.

    u[n] = 2 sum_m f[n + 5 - 2m] x[reflected m],  f of sum 1

    Args:
      size: number of pixels N.
    Returns:
      float32 [2 (3 N - 2) + 3, N], or more rows if N is below 7.
    """
    reach = max(size - 1, 2 * MARGIN)  # more than once in tiny images, for the filter
    reflected = np.pad(np.arange(size), reach, mode="reflect")
    taps = SYM6 / SYM6.sum()
    matrix = np.zeros((2 * len(reflected) + 3, size))
    for m, source in enumerate(reflected):
        for k, tap in enumerate(taps):
            n = k - 5 + 2 * m
            if 0 <= n < 2 * len(reflected):
                matrix[n + 1, source] += 2 * tap
    return matrix.astype(np.float32)


def downsampling_matrix(size: int) -> np.ndarray:
    """Downsampling by 2 to an axis without its margins.

    y[m] = sum_k f[k] u[1 + 2 m + k],  f of sum 1

    Args:
      size: number of pixels N of the result.
    Returns:
      float32 [N, 2 (N + 2 MARGIN)].
    """
    taps = SYM6 / SYM6.sum()
    matrix = np.zeros((size, 2 * (size + 2 * MARGIN)))
    for m in range(size):
        matrix[m, 1 + 2 * m : 1 + 2 * m + len(taps)] = taps
    return matrix.astype(np.float32)


def band_matrices(size: int) -> np.ndarray:
    """One matrix per octave of frequencies, lowest first, which add up to the identity.

    Args:
      size: number of pixels N.
    Returns:
      float32 [4, N, N].
    """
    bank = _filter_bank()
    reach = bank.shape[1] // 2
    reflected = np.pad(np.arange(size), reach, mode="reflect")
    matrices = np.zeros((len(bank), size, size))
    for row in range(size):
        window = reflected[row : row + bank.shape[1]]
        for band, taps in enumerate(bank):
            np.add.at(matrices[band, row], window, taps)
    return matrices.astype(np.float32)


def _filter_bank() -> np.ndarray:
    """Four symmetric filters [4, 43]: the bands [0, 1/8], [1/8, 1/4], [1/4, 1/2], [1/2, 1]."""
    low, high = (np.convolve(h, h[::-1]) / 2 for h in (SYM2, SYM2 * [1, -1, 1, -1]))
    bank = np.eye(4, 1)
    for band in range(1, 4):
        spread = np.zeros((4, 2 * bank.shape[1] - 1))
        spread[:, ::2] = bank  # a(z^2): its frequencies halved
        bank = np.stack([np.convolve(row, low) for row in spread])
        middle = bank.shape[1] // 2
        bank[band, middle - len(high) // 2 : middle + len(high) // 2 + 1] += high
    return bank
