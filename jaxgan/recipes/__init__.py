"""Recipes: complete, named configurations, each with what it trains on and what it reached."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
