import gzip
import pickle
import struct
import zlib

import numpy as np
import pytest
from arrays import rng
from paths import SHARED
from PIL import Image, ImageFile
from sklearn.datasets import load_digits

from jaxgan import data
from jaxgan.data import built_in
from jaxgan.data.images import read_image

MNIST = SHARED / "mnist"


# ---- IDX files ----


def write_idx(file, array, magic=None):
    magic = (0x00000800 | array.ndim) if magic is None else magic
    content = struct.pack(f">{1 + array.ndim}I", magic, *array.shape) + array.tobytes()
    file.write_bytes(gzip.compress(content) if file.suffix == ".gz" else content)


def idx_images(num=5):
    return np.arange(num * 3 * 4, dtype=np.uint8).reshape(num, 3, 4)


@pytest.mark.parametrize("joint", ["-", "."])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_files_are_read_in_all_spellings(tmp_path, joint, suffix):
    write_idx(tmp_path / f"train-images{joint}idx3-ubyte{suffix}", idx_images())
    write_idx(tmp_path / f"train-labels{joint}idx1-ubyte{suffix}", np.arange(5, dtype=np.uint8))
    dataset = data.idx(tmp_path)
    np.testing.assert_array_equal(dataset.x, idx_images()[..., None])
    assert dataset.x.dtype == np.uint8
    np.testing.assert_array_equal(dataset.condition, np.arange(5))
    assert dataset.condition.dtype == np.int32
    assert (dataset.low, dataset.high) == (0.0, 255.0)


def test_idx_test_split_is_t10k_and_labels_are_optional(tmp_path):
    write_idx(tmp_path / "train-images-idx3-ubyte", idx_images(5))
    write_idx(tmp_path / "t10k-images-idx3-ubyte", idx_images(3))
    dataset = data.load(f"idx:{tmp_path}:test")
    assert len(dataset.x) == 3
    assert dataset.condition is None
    assert len(data.load(f"idx:{tmp_path}:train").x) == len(data.load(f"idx:{tmp_path}").x) == 5


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_truncated_idx_file_names_the_file(tmp_path, suffix):
    file = tmp_path / f"train-images-idx3-ubyte{suffix}"
    write_idx(file, idx_images())
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"images-idx3.*\(5, 3, 4\), which needs 76 bytes, but"):
        data.idx(tmp_path)


def test_idx_file_without_a_whole_header_is_rejected(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"\x00\x00\x08\x03")
    with pytest.raises(ValueError, match="expected a header of 16 bytes, found 4 bytes"):
        data.idx(tmp_path)


def test_idx_file_with_bytes_too_many_is_rejected(tmp_path):
    file = tmp_path / "train-images-idx3-ubyte"
    write_idx(file, idx_images())
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(ValueError, match="needs 76 bytes, but the file has 77 bytes"):
        data.idx(tmp_path)


def test_idx_header_of_nonsense_does_not_overflow(tmp_path):
    content = struct.pack(">4I", 0x00000803, 2**31, 2**31, 4)  # 2**64: zero in 64 bits
    (tmp_path / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(ValueError, match=f"needs {16 + 2**64} bytes, but the file has 16 bytes"):
        data.idx(tmp_path)


def test_idx_wrong_magic_number_is_rejected(tmp_path):
    write_idx(tmp_path / "train-images-idx3-ubyte", idx_images(), magic=0x00000D03)
    with pytest.raises(ValueError, match="expected magic number 0x00000803, found 0x00000d03"):
        data.idx(tmp_path)


def test_idx_file_of_several_gzip_members_is_read_whole(tmp_path):
    write_idx(tmp_path / "train-images-idx3-ubyte", idx_images())
    content = (tmp_path / "train-images-idx3-ubyte").read_bytes()
    (tmp_path / "train-images-idx3-ubyte").unlink()
    pieces = [content[:10], content[10:40], content[40:]]
    members = b"".join(gzip.compress(piece) for piece in pieces)
    for padding in (b"", b"\0" * 7):
        (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(members + padding)
        np.testing.assert_array_equal(data.idx(tmp_path).x[..., 0], idx_images())
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(content)[:-30])
    with pytest.raises(ValueError, match="its header states shape"):
        data.idx(tmp_path)


def test_idx_file_that_is_not_gzip_is_rejected(tmp_path):
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"<html>not found</html>")
    with pytest.raises(ValueError, match=r"idx3-ubyte\.gz is not a valid gzip file"):
        data.idx(tmp_path)


def test_idx_images_and_labels_must_match_in_number(tmp_path):
    write_idx(tmp_path / "train-images-idx3-ubyte", idx_images())
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.arange(4, dtype=np.uint8))
    with pytest.raises(ValueError, match=r"holds 5 images, but .* holds 4 labels"):
        data.idx(tmp_path)


def test_idx_names_what_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no t10k-images-idx3-ubyte or t10k.*\.gz in"):
        data.idx(tmp_path, split="test")
    with pytest.raises(FileNotFoundError, match=r"there is no directory .*nowhere; expected idx:"):
        data.idx(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="split must be train or test, got 'valid'"):
        data.idx(tmp_path, split="valid")


@pytest.mark.skipif(not MNIST.is_dir(), reason="MNIST is not here")
def test_mnist_itself_is_read():
    dataset = data.idx(MNIST, split="test")
    assert dataset.x.shape == (10_000, 28, 28, 1)
    assert dataset.condition[:5].tolist() == [7, 2, 1, 0, 4]
    assert dataset.x.mean() / 255 == pytest.approx(0.1325, abs=1e-4)


# ---- NumPy archives ----


@pytest.mark.parametrize("key", ["x", "images", "x_train", "samples", "anything"])
@pytest.mark.parametrize("labels_key", ["y", "labels", "y_train", None])
def test_npz_arrays_are_found_by_name(tmp_path, key, labels_key):
    images, labels = np.zeros((3, 4, 4, 3), np.uint8), np.array([[2], [0], [1]])
    arrays = {key: images} if labels_key is None else {key: images, labels_key: labels}
    np.savez(tmp_path / "some.npz", **arrays)
    dataset = data.load(f"npz:{tmp_path / 'some.npz'}")
    assert dataset.x.shape == (3, 4, 4, 3)
    if labels_key is None:
        assert dataset.condition is None
    else:
        assert dataset.condition.tolist() == [2, 0, 1]


def test_npz_without_known_arrays_lists_what_it_holds(tmp_path):
    np.savez(tmp_path / "some.npz", a=np.zeros((2, 2)), b=np.zeros((2, 2)))
    with pytest.raises(
        ValueError, match=r"holds the arrays \['a', 'b'\], but none called x, images"
    ):
        data.npz(tmp_path / "some.npz")


def test_npz_arrays_may_be_named(tmp_path):
    path = tmp_path / "some.npz"
    x, radius = rng().normal(size=(4, 2)), np.array([0.5, 1.0, 2.0, 2.5])
    np.savez(path, x_train=x, y_train=np.arange(4), x_test=-x, y_test=np.arange(4) % 2, r=radius)
    named = data.load(f"npz:{path}@x_test,y_test")
    np.testing.assert_array_equal(named.x, -x.astype(np.float32))
    assert named.condition.tolist() == [0, 1, 0, 1]
    assert named.name == f"npz:{path}@x_test,y_test"
    assert data.load(f"npz:{path}").condition.tolist() == [0, 1, 2, 3]
    assert data.load(f"npz:{path}@x_test").condition is None
    numbers = data.load(f"npz:{path}@x_train,r")
    assert (numbers.condition.dtype, numbers.num_classes) == (np.float32, None)
    np.testing.assert_array_equal(numbers.condition, radius)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("x", r"holds the arrays \['a', 'b'\], but no 'x'"),
        ("a,y", r"but no 'y'"),
        ("a,", "must name arrays, as in npz:FILE@images,labels"),
        (",b", "must name arrays, as in npz:FILE@images,labels"),
    ],
)
def test_npz_names_that_are_not_there_are_rejected(tmp_path, names, message):
    np.savez(tmp_path / "some.npz", a=np.eye(2), b=np.arange(2))
    with pytest.raises(ValueError, match=message):
        data.load(f"npz:{tmp_path / 'some.npz'}@{names}")


def test_npz_files_may_have_an_at_sign_in_their_names(tmp_path):
    np.savez(tmp_path / "some@x.npz", x=np.eye(2))
    for names in ("", "@x"):
        assert data.load(f"npz:{tmp_path / 'some@x.npz'}{names}").size == 2


@pytest.mark.parametrize("dtype", [">f8", ">f4", ">f2"])
def test_npz_floats_may_be_big_endian(tmp_path, dtype):
    x = np.array([[0.5, -3.0], [2.0, 9.0]])
    np.savez(tmp_path / "some.npz", x=x.astype(dtype), y=np.array([0, 1], ">i8"))
    dataset = data.load(f"npz:{tmp_path / 'some.npz'}")
    np.testing.assert_array_equal(dataset.x, x)
    assert dataset.x.dtype == np.dtype("=f4")
    assert dataset.condition.tolist() == [0, 1]


def test_npz_of_bad_samples_names_the_file(tmp_path):
    np.savez(tmp_path / "some.npz", x=np.full((2, 2), np.nan))
    with pytest.raises(ValueError, match=r"some\.npz: sample 0 holds NaN"):
        data.npz(tmp_path / "some.npz")


def test_npz_never_unpickles(tmp_path):
    np.savez(tmp_path / "some.npz", x=np.array([{}, {}], object))
    with pytest.raises(ValueError, match=r"some\.npz: cannot read array 'x' .*allow_pickle=False"):
        data.npz(tmp_path / "some.npz")


def test_npz_that_is_no_archive_is_rejected(tmp_path):
    np.save(tmp_path / "single.npy", np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"single array; save it with np\.savez\('single', x=x\)"):
        data.npz(tmp_path / "single.npy")
    np.savez(tmp_path / "cut.npz", x=np.zeros((20, 20)))
    whole = (tmp_path / "cut.npz").read_bytes()
    for content in (b"", b"some text", whole[: len(whole) // 2]):
        (tmp_path / "cut.npz").write_bytes(content)
        with pytest.raises(ValueError, match=r"cut\.npz is not a NumPy archive"):
            data.npz(tmp_path / "cut.npz")


def test_npz_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*none\.npz; expected npz:FILE"):
        data.load(f"npz:{tmp_path / 'none.npz'}")


# ---- folders of images ----


def write_image(file, size=(6, 4), mode="RGB", value=0):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(file)


def test_folder_reads_images_in_sorted_order(tmp_path):
    for name, value in (("b.png", 2), ("a.BMP", 1), ("c.tif", 3)):
        write_image(tmp_path / name, mode="L", value=value)
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "._b.png").write_bytes(b"what some systems leave beside a file")
    dataset = data.load(f"folder:{tmp_path}")
    assert dataset.x.shape == (3, 4, 6, 1)
    assert dataset.x.dtype == np.uint8
    assert dataset.x[:, 0, 0, 0].tolist() == [1, 2, 3]
    assert dataset.condition is None
    assert (dataset.low, dataset.high) == (0.0, 255.0)


def test_folder_is_rgb_as_soon_as_one_image_is(tmp_path):
    write_image(tmp_path / "a.png", mode="L", value=9)
    write_image(tmp_path / "b.png", mode="RGB", value=(1, 2, 3))
    x = data.folder(tmp_path).x
    assert x[:, 0, 0].tolist() == [[9, 9, 9], [1, 2, 3]]


def write_transparent_images(folder):
    write_image(folder / "a.png", mode="RGBA", value=(1, 2, 3, 0))
    palette = Image.new("RGB", (6, 4), (4, 5, 6)).convert("P", palette=Image.Palette.ADAPTIVE)
    palette.save(folder / "b.png", transparency=bytes([102] * 4))


def test_folder_takes_the_colours_under_transparent_pixels_and_says_so(tmp_path):
    write_transparent_images(tmp_path)
    with pytest.warns(UserWarning, match=r"transparent pixels, .* use folder:DIR@white") as caught:
        assert data.folder(tmp_path).x[:, 0, 0].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert len({str(warning.message) for warning in caught}) == 1  # shown once


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [("@white", [[255] * 3, [155] * 3]), ("@2,black", [[0] * 3, [2] * 3]), ("@6,grey", None)],
)
def test_transparent_pixels_are_composed_on_a_colour_where_asked(tmp_path, suffix, expected):
    write_transparent_images(tmp_path)
    dataset = data.load(f"folder:{tmp_path}{suffix}")
    assert dataset.name == f"folder:{tmp_path}{suffix}"
    assert data.load(dataset.name).x.shape == dataset.x.shape
    if expected is not None:
        np.testing.assert_allclose(dataset.x[:, 0, 0], expected, atol=1)


def test_opaque_images_with_an_opacity_channel_and_grey_ones_are_taken_as_they_are(tmp_path):
    write_image(tmp_path / "a.png", mode="RGBA", value=(1, 2, 3, 255))
    write_image(tmp_path / "b.png", mode="LA", value=(9, 255))
    for spec in (f"folder:{tmp_path}", f"folder:{tmp_path}@white"):
        assert data.load(spec).x[:, 0, 0].tolist() == [[1, 2, 3], [9, 9, 9]]


def test_a_background_that_is_no_colour_of_ours_is_rejected(tmp_path):
    with pytest.raises(ValueError, match="background must be one of white, black, grey, got 'red'"):
        data.folder_records(tmp_path, background="red")


def png_of_16_bits(kind, channels):
    """A 4x4 PNG, which Pillow cannot write; its pixels are 0x1234."""

    def chunk(name, content):
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    rows = (b"\0" + b"\x12\x34" * 4 * channels) * 4
    header = struct.pack(">IIBBBBB", 4, 4, 16, kind, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


DEEP = {
    "colour.png": png_of_16_bits(2, 3),
    "grey-alpha.png": png_of_16_bits(4, 2),
    "colour-alpha.png": png_of_16_bits(6, 4),
    "colour.ppm": b"P6 4 4 65535\n" + b"\x12\x34" * 48,
    "12-bits.ppm": b"P6 4 4 4095\n" + b"\x02\x34" * 48,
    "plain.ppm": b"P3 4 4 1000\n" + b"999 0 1 " * 16,
}


@pytest.mark.parametrize("name", DEEP)
def test_images_of_more_than_8_bits_are_rejected_instead_of_cut(tmp_path, name):
    (tmp_path / name).write_bytes(DEEP[name])
    with pytest.raises(ValueError, match=rf"{name}: more than 8 bits per channel .*convert it"):
        data.folder_records(tmp_path)
    with pytest.raises(ValueError, match="more than 8 bits"):
        read_image(tmp_path / name, "RGB", None)


def test_images_of_8_bits_or_less_in_any_form_are_read(tmp_path):
    (tmp_path / "a.ppm").write_bytes(b"P6 4 4 100\n" + bytes([100] * 48))
    (tmp_path / "b.ppm").write_bytes(b"P3 4 4 255\n" + b"255 " * 48)
    high_colour = struct.pack("<2sIHHI", b"BM", 66 + 32, 0, 0, 66)
    high_colour += struct.pack("<IiiHHIIiiII", 40, 4, 4, 1, 16, 3, 32, 0, 0, 0, 0)
    high_colour += struct.pack("<III", 0xF800, 0x7E0, 0x1F) + b"\xff" * 32
    (tmp_path / "c.bmp").write_bytes(high_colour)
    assert (data.folder(tmp_path).x == 255).all()


def test_folder_black_and_white_images_span_the_bytes(tmp_path):
    write_image(tmp_path / "a.png", mode="1", value=1)
    write_image(tmp_path / "b.png", mode="1", value=0)
    assert data.folder(tmp_path).x[:, 0, 0].tolist() == [[255], [0]]


def test_sub_folders_are_classes_in_sorted_order(tmp_path):
    for name in ("dog/deep/1.png", "cat/1.png", "ant/1.png", "dog/0.png"):
        write_image(tmp_path / name)
    (tmp_path / "empty").mkdir()
    write_image(tmp_path / ".hidden" / "0.png")
    dataset = data.folder(tmp_path)
    assert dataset.condition.tolist() == [0, 1, 2, 2]
    assert dataset.condition.dtype == np.int32


def test_images_beside_class_folders_are_rejected(tmp_path):
    write_image(tmp_path / "cat" / "1.png")
    write_image(tmp_path / "stray.png")
    with pytest.raises(ValueError, match=r"stray\.png lies beside the class folders"):
        data.folder(tmp_path)


def test_mixed_sizes_name_two_files_and_what_to_type(tmp_path):
    write_image(tmp_path / "a.png", size=(6, 4))
    write_image(tmp_path / "b.png", size=(6, 5))
    with pytest.raises(ValueError, match=r"a\.png is 6x4, .*b\.png is 6x5; .*folder:.*@4"):
        data.folder(tmp_path)
    assert data.load(f"folder:{tmp_path}@3").x.shape == (2, 3, 3, 3)


@pytest.mark.parametrize("size", [(8, 24), (24, 8), (9, 31), (3, 3)])
def test_size_resizes_the_shorter_side_and_crops_the_centre(tmp_path, size):
    pixels = np.zeros((size[1], size[0]), np.uint8)
    middle = pixels[(size[1] - 3) // 2 :, (size[0] - 3) // 2 :]
    middle[:3, :3] = 255
    for name in ("a.png", "b.png"):
        Image.fromarray(pixels).save(tmp_path / name)
    x = data.folder(tmp_path, size=8).x[0, :, :, 0].astype(float)
    assert x.shape == (8, 8)
    rows, columns = np.indices(x.shape)
    assert (x * rows).sum() / x.sum() == pytest.approx(3.5, abs=0.6)
    assert (x * columns).sum() / x.sum() == pytest.approx(3.5, abs=0.6)


def test_size_crops_instead_of_squeezing(tmp_path):
    pixels = np.zeros((8, 24), np.uint8)
    pixels[:, 8:16] = np.arange(64).reshape(8, 8)
    for name in ("a.png", "b.png"):
        Image.fromarray(pixels).save(tmp_path / name)
    x = data.folder(tmp_path, size=8).x
    np.testing.assert_array_equal(x[0, :, :, 0], np.arange(64).reshape(8, 8))


def test_photographs_are_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter to the right
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (6, 4)).save(tmp_path / name, exif=exif)
    assert data.folder(tmp_path).x.shape == (2, 6, 4, 3)


def test_unreadable_image_is_named(tmp_path):
    write_image(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"cannot read image .*b\.png"):
        data.folder(tmp_path)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_truncated_image_is_named(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    for name in ("a", "b"):
        Image.fromarray(noise).save(tmp_path / f"{name}.{suffix}")
    whole = (tmp_path / f"b.{suffix}").read_bytes()
    (tmp_path / f"b.{suffix}").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=rf"cannot read image .*b\.{suffix}"):
        data.folder(tmp_path)


def test_folder_names_what_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="no images in"):
        data.folder(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no directory .*nowhere; expected folder:DIR"):
        data.load(f"folder:{tmp_path}/nowhere@64")
    with pytest.raises(ValueError, match="size must be 1 or more pixels, got 0"):
        data.load(f"folder:{tmp_path}@0")
    write_image(tmp_path / "a.png")
    with pytest.raises(ValueError, match=f"folder:{tmp_path}: needs at least 2 samples, got 1"):
        data.folder(tmp_path)


# ---- folders read one by one ----


def write_many(directory, num=12, size=(6, 4)):
    for number in range(num):
        write_image(directory / f"{'ab'[number % 2]}" / f"{number:02}.png", size, "L", number)


def test_folder_records_read_what_folder_decodes(tmp_path):
    write_many(tmp_path)
    records, dataset = data.folder_records(tmp_path), data.folder(tmp_path)
    assert (records.size, records.shape, records.num_classes) == (12, (4, 6, 1), 2)
    assert (records.low, records.high, records.name) == (0.0, 255.0, f"folder:{tmp_path}")
    assert records.num_bytes == dataset.x.nbytes == 12 * 24
    for number, (image, label) in enumerate(map(records.read, range(12))):
        np.testing.assert_array_equal(image, dataset.x[number])
        assert label == dataset.condition[number]


def test_folder_records_can_be_pickled(tmp_path):
    write_many(tmp_path)
    records = data.folder_records(tmp_path, size=2)
    copy = pickle.loads(pickle.dumps(records))
    np.testing.assert_array_equal(copy.read(5)[0], records.read(5)[0])
    assert copy._replace(read=None) == records._replace(read=None)


def test_folder_records_decode_nothing_before_they_are_read(tmp_path, monkeypatch):
    write_many(tmp_path)
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    assert data.folder_records(tmp_path).size == 12


def test_unreadable_images_within_the_share_are_left_out_and_named(tmp_path):
    write_many(tmp_path)
    (tmp_path / "a" / "00.png").write_bytes(b"no image")  # not even a header
    whole = (tmp_path / "b" / "11.png").read_bytes()
    (tmp_path / "b" / "11.png").write_bytes(whole[:40])  # a header and no pixels
    dataset = data.folder(tmp_path, max_bad_fraction=0.2)
    assert dataset.x[:, 0, 0, 0].tolist() == [2, 4, 6, 8, 10, 1, 3, 5, 7, 9]
    assert dataset.condition.tolist() == [0] * 5 + [1] * 5
    assert ["a/00.png" in dataset.bad[0], "b/11.png" in dataset.bad[1]] == [True, True]
    with pytest.raises(ValueError, match=r"1 of 12 records .*\n.*image .*a/00\.png"):
        data.folder(tmp_path)


def test_an_image_of_16_bits_among_grey_ones_is_bad_and_leaves_them_grey(tmp_path):
    write_many(tmp_path)
    Image.fromarray(np.full((4, 6), 1000, np.uint16)).save(tmp_path / "a" / "02.png")
    dataset = data.folder(tmp_path, max_bad_fraction=0.1)
    assert dataset.shape == (4, 6, 1)
    assert "02.png: more than 8 bits" in dataset.bad[0]


def test_mixed_sizes_are_no_bad_images(tmp_path):
    write_many(tmp_path)
    write_image(tmp_path / "a" / "02.png", size=(6, 5), mode="L")
    with pytest.raises(ValueError, match=r"a/00\.png is 6x4, .*a/02\.png is 6x5; .*folder:.*@4"):
        data.folder_records(tmp_path)


def test_an_image_that_changed_its_size_is_bad_when_it_is_read(tmp_path):
    write_many(tmp_path)
    records = data.folder_records(tmp_path)
    write_image(tmp_path / "a" / "02.png", size=(6, 5), mode="L")
    with pytest.raises(
        ValueError, match=r"02\.png is 6x5, but 6x4 was expected from its header; .*:.*@4"
    ):
        records.read(1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_headers_tell_the_size_of_upright_photographs(tmp_path, orientation, suffix):
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in "ab":
        Image.new("RGB", (6, 4)).save(tmp_path / f"{name}.{suffix}", exif=exif)
    records = data.folder_records(tmp_path)
    assert records.shape == records.read(0)[0].shape == data.folder(tmp_path).shape


def test_load_decodes_what_fits_and_leaves_the_rest_to_be_streamed(tmp_path):
    write_many(tmp_path)
    spec, num_bytes = f"folder:{tmp_path}", 12 * 24
    assert isinstance(data.load(spec, max_bytes=num_bytes), data.Dataset)
    records = data.load(spec, max_bytes=num_bytes - 1)
    assert isinstance(records, data.Records)
    assert records.name == spec
    assert isinstance(data.load("digits", max_bytes=0), data.Dataset)


def test_load_passes_the_share_of_bad_records_on(tmp_path):
    write_many(tmp_path)
    (tmp_path / "a" / "00.png").write_bytes(b"no image")
    assert data.load(f"folder:{tmp_path}", max_bad_fraction=0.1).size == 11
    with pytest.raises(ValueError, match=r"1 of 12 records \(8\.33%\).*max_bad_fraction=0\.05"):
        data.load(f"folder:{tmp_path}", max_bad_fraction=0.05)
    with pytest.raises(ValueError, match=r"max_bad_fraction must lie in 0\.\.1, got 2"):
        data.load("digits", max_bad_fraction=2)


# ---- names ----


def test_digits_are_real_8x8_images_in_0_to_16():
    dataset = data.digits()
    assert dataset.x.shape == (1797, 8, 8, 1)
    assert dataset.x.dtype == np.float32
    assert (dataset.x.min(), dataset.x.max()) == (dataset.low, dataset.high) == (0.0, 16.0)
    assert dataset.condition[:5].tolist() == [0, 1, 2, 3, 4]
    assert dataset.condition.dtype == np.int32


@pytest.mark.parametrize("file", [built_in.DIGITS, "moved/digits.csv.gz"])
def test_digits_are_those_of_scikit_learn_wherever_it_keeps_them(file, monkeypatch):
    monkeypatch.setattr(built_in, "DIGITS", file)
    dataset, bunch = data.digits(), load_digits()
    np.testing.assert_array_equal(dataset.x[..., 0], bunch.images)
    np.testing.assert_array_equal(dataset.labels, bunch.target)


@pytest.mark.parametrize("name", ["digits", "spiral", "ring8", "grid25", "mixture1200", "gaussian"])
def test_load_knows_every_name(name):
    assert data.load(name).name == name


def test_the_name_of_a_data_set_loads_it_again(tmp_path):
    for name in ("cat/1.png", "dog/1.png"):
        write_image(tmp_path / name)
    write_idx(tmp_path / "t10k-images-idx3-ubyte", idx_images())
    np.savez(tmp_path / "some.npz", x=np.zeros((2, 2)))
    for spec in (f"folder:{tmp_path}@2", f"idx:{tmp_path}:test", f"npz:{tmp_path / 'some.npz'}"):
        assert data.load(spec).name == spec


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("digts", r"unknown data 'digts'\. Did you mean 'digits'\? Known: digits, "),
        ("floder:x", r"Did you mean 'folder'\?"),
        ("cifar10", r"unknown data 'cifar10'\. Use tfds:cifar10"),
        ("", "unknown data ''. Known"),
        ("/no/where", "There is no /no/where; a folder of images is given as folder:DIR@64"),
        ("MNIST", r"unknown data 'MNIST'\. Use tfds:mnist, or idx:DIR for the files of MNIST"),
        (".", r"unknown data '\.'\. For a folder of images use folder:\."),
        ("some.npz", r"For a file of arrays use npz:some\.npz"),
        ("idx", "'idx' needs a path after 'idx:'"),
        ("npz:", "'npz:' needs a path"),
        ("digits:train", "takes no path, use 'digits'"),
    ],
)
def test_unknown_names_list_the_known(spec, message):
    with pytest.raises(ValueError, match=message):
        data.load(spec)
