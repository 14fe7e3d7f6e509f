"""Named, complete settings. Each says what it trains on, how long it takes, what it reached."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
