"""Plots of samples, training curves, losses, discriminators and two-player games.

Functions that return a `matplotlib.figure.Figure` leave pyplot's state alone; `rendered` turns a
figure into pixels.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
