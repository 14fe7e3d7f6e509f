"""Pictures: samples, the curves of a run, losses, discriminators, games.

Those that give a `matplotlib.figure.Figure` touch no state of pyplot; `rendered` makes them pixels.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
