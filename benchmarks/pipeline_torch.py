"""The same image files through PyTorch's DataLoader: in a module of its own, for its workers."""

from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset


class ImageFiles(Dataset):
    """Grey image files as uint8 [1, height, width], the layout that torch likes."""

    def __init__(self, files: list[str]):
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> torch.Tensor:
        with Image.open(self.files[index]) as image:
            return torch.from_numpy(np.array(image.convert("L")))[None]


def batches(files: list[str], batch_size: int, workers: int) -> Iterator[torch.Tensor]:
    """Shuffled batches without end, in DataLoader's usual form.

    One thread: what is computed here is small, and more threads would only wait for each other.
    """
    torch.set_num_threads(1)
    loader = DataLoader(
        ImageFiles(files),
        batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        multiprocessing_context="spawn" if workers else None,  # JAX's threads forbid a fork
    )
    while True:
        yield from loader


def consume(batch: torch.Tensor) -> float:
    """Brings a batch to -1..1 and uses each pixel: what the other paths do with theirs."""
    return float((batch.float() / 127.5 - 1).sum())
