"""Sizes of images, and how they are written."""

Size = int | tuple[int, int]
"""What images are resized to: the side of a square, or (height, width)."""
MAX_SIDE = 2**14  # an image of this size takes 800 MB


def sides_of(size: Size) -> tuple[int, int]:
    """Height and width."""
    return (size, size) if isinstance(size, int) else size


def check_size(size: Size | None) -> None:
    """Raises a ValueError unless images can be resized to this size."""
    sides = () if size is None else sides_of(size)
    if any(side < 1 for side in sides):
        raise ValueError(f"size must be 1 or more pixels, got {size}")
    if any(side > MAX_SIDE for side in sides):
        raise ValueError(f"size must be at most {MAX_SIDE} pixels, got {size}")


def size_detail(size: Size | None) -> str | None:
    """A size as specs have it, such as "64" or "96x64", width first."""
    if size is None:
        return None
    return str(size) if isinstance(size, int) else size_text(size)


def size_text(shape: tuple[int, ...]) -> str:
    """Width x height of an array, such as "6x4" for 4 rows of 6 pixels."""
    return f"{shape[1]}x{shape[0]}"
