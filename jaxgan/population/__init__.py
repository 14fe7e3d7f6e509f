"""Populations: many seeds and settings of a GAN, trained together and compared.

`jaxgan.fit_many` trains them, `grid` and `random` choose the settings, and `make_run` is training
as one differentiable function of the settings.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
