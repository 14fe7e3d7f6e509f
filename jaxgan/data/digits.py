"""Scikit-learn's handwritten digits: real data that needs no download."""

import numpy as np

from jaxgan.data.dataset import Dataset, from_arrays


def digits() -> Dataset:
    """Scikit-learn's 1,797 handwritten digits: real data that needs no download.

    Returns:
      Data set with x float32 [1797, 8, 8, 1] in 0..16 and labels 0..9.
    Source: Alpaydin and Kaynak 1998, https://doi.org/10.24432/C50P49
    """
    from sklearn.datasets import load_digits  # here, since only this source needs it

    bunch = load_digits()
    images = np.asarray(bunch.images, np.float32)[..., None]
    return from_arrays(images, bunch.target, name="digits")._replace(low=0.0, high=16.0)
