"""Recipes: complete, named configurations with their data, training time and measured results."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
