"""Data of all kinds, good and bad: functions that write files and give the text that names them."""

import contextlib
import gzip
import io
import re
import struct
import warnings
import zipfile

import numpy as np
from hypothesis import strategies as st
from PIL import Image


def named(text):
    return lambda root: text


def npz_of(name, arrays):
    def write(root):
        with (root / name).open("wb") as file:
            np.savez(file, **arrays)
        return f"npz:{root / name}"

    return write


def bytes_of(kind, name, content):
    def write(root):
        (root / name).write_bytes(content)
        return f"{kind}:{root / name}"

    return write


def _idx(images, labels, packed, split):
    def write(root):
        for name, content in (("images-idx3", images), ("labels-idx1", labels)):
            if content is not None:
                path = root / f"train-{name}-ubyte{'.gz' if packed else ''}"
                path.write_bytes(gzip.compress(content) if packed else content)
        return f"idx:{root}{split}"

    return write


def _folder(images, junk, size):
    def write(root):
        below = root / "images"
        below.mkdir()
        for number, (mode, sides, suffix, place) in enumerate(images):
            path = below / place / f"{number}{suffix}"
            path.parent.mkdir(exist_ok=True)
            shade = (37 * number) % 256
            with contextlib.suppress(OSError, ValueError):  # not all modes go into all formats
                Image.new("L", sides, shade).convert(mode).save(path)
        for number, content in enumerate(junk):
            (below / f"junk{number}.png").write_bytes(content)
        return f"folder:{below}{size}"

    return write


ODD_NAMES = (
    "a b", "ä€", "[/red]", "[bold]", "x@y", "a:b", "~", "~nobody-here/x", "%s",
    "n" * 300, "nul\0", ".", "..", "", "/", "\udcff",
)  # fmt: skip
KINDS = ("idx", "npz", "folder", "tfds", "", "IDX", "digit", "http", "digits", "waves")
PLAIN_TEXT = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=8)
odd_texts = st.sampled_from(ODD_NAMES) | PLAIN_TEXT
bad_specs = st.one_of(
    st.builds(lambda kind, name: f"{kind}:{name}", st.sampled_from(KINDS), odd_texts),
    st.sampled_from(["", "digit", "Spiral", ":", "folder:.@0", "tfds:mnist@x", "tfds:a b"]),
).filter(lambda spec: not re.match(r"tfds:[A-Za-z]", spec) or spec in ("tfds:mnist@x", "tfds:a b"))

DTYPES = (
    "u1", "f4", "f8", "f2", ">f4", "i4", "i8", "u2", "?", "c8", "U3", "S2", "M8[s]", "f4,i4",
)  # fmt: skip
FILLS = (0.0, 1.0, 0.25, 1e30, -1e38, 1e300, np.nan, np.inf)


@st.composite
def arrays(draw):
    shape = draw(st.lists(st.sampled_from((0, 1, 2, 3, 5, 9)), max_size=5))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    fill = draw(st.sampled_from(FILLS))
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        x = np.zeros(shape, dtype)
        if dtype.kind == "f":
            x = np.full(shape, fill).astype(dtype)
            if draw(st.booleans()):
                x = x + np.linspace(0, 0.5, x.size, dtype=dtype).reshape(shape)
        elif dtype.kind == "u":
            x = (np.arange(x.size) % 251).reshape(shape).astype(dtype)
    return x


@st.composite
def label_arrays(draw, size):
    low, high = draw(
        st.sampled_from([(0, 2), (-1, 2), (0, 0), (-1, -1), (-2, 1), (5, 9), (0, 10**9)])
    )
    values = np.linspace(low, high, size) if size else np.zeros(0)
    dtype = draw(st.sampled_from(["i8", "i4", "u1", "i2", "f4", "?", "U2"]))
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        labels = values.astype(dtype)
    shape = draw(st.sampled_from([(-1,), (-1, 1), (1, -1)]))
    return labels.reshape(shape) if size else labels


@st.composite
def npz_files(draw):
    x = draw(arrays())
    found = {draw(st.sampled_from(["x", "images", "samples", "data", "y"])): x}
    if draw(st.booleans()):
        size = draw(st.sampled_from([len(x) if x.ndim else 0, 3]))
        found[draw(st.sampled_from(["y", "labels", "other"]))] = draw(label_arrays(size))
    return npz_of(draw(st.sampled_from(["d.npz", "d", "ü [x].npz"])), found)


def zipped(members, cut=None):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()[:cut]


def _npy(x=None, header=None):
    buffer = io.BytesIO()
    if header is None:
        np.save(buffer, x)
        return buffer.getvalue()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


HUGE = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 1000), }\n"
bad_files = st.builds(
    bytes_of,
    st.sampled_from(["npz", "npz", "npz", "idx", "folder"]),
    st.just("d.npz"),
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from(
            [
                _npy(np.zeros((3, 2))),
                _npy(header=HUGE),
                zipped({"x": b"text"}),
                zipped({"x.npy": b"text"}),
                zipped({"x.npy": _npy(header=HUGE)}),
                zipped({"x.npy": _npy(header=b"{'descr': ")}),
                zipped({"x.npy": _npy(np.zeros((3, 2)))}, cut=-30),
                zipped({"x.npy": _npy(np.zeros((3, 2))[:, :])[:-9]}),
                zipped({"x.npy": _npy(np.array([{}, None]))}),
                zipped({}),
            ]
        ),
    ),
)


def _idx_bytes(magic, shape, extra):
    size = int(np.prod([side for side in shape if side < 100]))
    content = bytes(n % 256 for n in range(max(0, size + extra)))
    return struct.pack(f">{1 + len(shape)}I", magic, *shape) + content


sides = st.sampled_from([0, 1, 2, 3, 9, 2**32 - 1])
idx_files = st.builds(
    _idx,
    st.none()
    | st.binary(max_size=5)
    | st.builds(_idx_bytes, st.sampled_from([0x803, 0x803, 0x801]), st.tuples(sides, sides, sides),
                st.sampled_from([0, 0, 1, -1])),
    st.none()
    | st.builds(_idx_bytes, st.just(0x801), st.tuples(sides), st.sampled_from([0, 0, 1])),
    st.booleans(),
    st.sampled_from(["", "", ":test", ":train", ":valid"]),
)  # fmt: skip

image_sizes = st.sampled_from([(8, 8), (8, 8), (9, 5), (1, 1), (1, 30)])
images = st.tuples(
    st.sampled_from(["L", "RGB", "1", "LA", "RGBA", "P", "CMYK", "I;16", "I", "F", "YCbCr"]),
    image_sizes,
    st.sampled_from([".png", ".png", ".jpg", ".bmp", ".gif", ".tiff", ".webp", ".PPM"]),
    st.sampled_from(["", "", "a", "b c", ".hidden"]),
)
folders = st.builds(
    _folder,
    st.lists(images, max_size=6),
    st.lists(st.binary(max_size=10), max_size=2),
    st.sampled_from(["", "", "@8", "@1", "@0", "@", "@x", "@9999999999", "@" + "9" * 30]),
)
plain_folders = st.builds(  # all of one kind: most can be trained on
    lambda mode, sides, places, size, junk: _folder(
        [(mode, sides, ".png", place) for place in places], [b"?"] * junk, size
    ),
    st.sampled_from(["L", "RGB"]),
    st.sampled_from([(8, 8), (9, 8), (1, 1), (12, 17)]),
    st.sampled_from([["", "", ""], ["a", "b", "b", "c"], ["a", "a"], [""] * 30]),
    st.sampled_from(["", "@8", "@9", "@1"]),
    st.sampled_from([0, 0, 0, 1]),
)


def _sound_npz(shape, dtype, fill, labels):
    x = (np.linspace(0, 1, int(np.prod(shape))) * fill).reshape(shape)
    arrays = {"x": (x % 256 if dtype == "u1" else x).astype(dtype)}
    return npz_of(
        "good.npz", arrays | ({} if labels is None else {"y": np.resize(labels, shape[0])})
    )


good_npz = st.builds(
    _sound_npz,
    st.sampled_from([(5, 2), (2, 2), (70, 2), (6, 8, 8, 1), (4, 9, 9, 3), (5, 8, 8), (3, 16, 2),
                     (4, 1), (3, 8, 8, 2), (3, 2, 2, 2, 2), (4, 40)]),
    st.sampled_from(["f4", "f8", "u1"]),
    st.sampled_from([1.0, 1.0, 0.0, 1e4, 1e19, 3e38]),
    st.sampled_from([None, None, [0, 1], [0], [2, 0], [-1, 0, 1], [-1], [10**6]]),
)  # fmt: skip
builtin = st.sampled_from(["digits", "spiral", "ring8", "waves"]).map(named)
any_data = st.one_of(
    builtin, bad_specs.map(named), npz_files(), bad_files, idx_files, folders, plain_folders,
    good_npz,
)  # fmt: skip
good_data = st.one_of(builtin, plain_folders, good_npz)
