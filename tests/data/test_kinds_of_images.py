"""Images of every kind: rectangles, transparency, 16 bits, and folders in archives."""

import io
import json
import pickle
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image, ImageOps

from jaxgan import data
from jaxgan.data.parquet import parquet_records
from jaxgan.scoring.image_files import read_set

RNG = np.random.default_rng(0)


def save(path, x, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(x).save(path, **options)


def noise(*shape, dtype=np.uint8):
    return RNG.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


# --- Rectangles


@pytest.mark.parametrize("sides", [(10, 40), (40, 10), (16, 24), (7, 7)])
def test_images_are_resized_until_they_cover_a_rectangle_and_the_centre_is_cropped(tmp_path, sides):
    for name in "ab":
        save(tmp_path / f"{name}.png", noise(*sides))
    found = data.load(f"folder:{tmp_path}@12x8")
    assert (found.shape, found.name) == ((8, 12, 1), f"folder:{tmp_path}@12x8")
    factor = max(8 / sides[0], 12 / sides[1])
    height, width = (round(side * factor) for side in sides)
    whole = Image.open(tmp_path / "a.png").resize((width, height), Image.Resampling.LANCZOS)
    left, top = (width - 12) // 2, (height - 8) // 2
    wanted = np.asarray(whole)[top : top + 8, left : left + 12]
    np.testing.assert_array_equal(found.x[0, ..., 0], wanted)


def test_a_thin_strip_fills_a_rectangle_without_being_enlarged_as_a_whole(tmp_path, monkeypatch):
    for name in "ab":
        save(tmp_path / f"{name}.png", noise(4, 4_000))
    sizes = []
    resize = Image.Image.resize
    monkeypatch.setattr(
        Image.Image,
        "resize",
        lambda self, size, *more: sizes.append(size) or resize(self, size, *more),
    )
    assert data.load(f"folder:{tmp_path}@96x64").shape == (64, 96, 1)
    assert set(sizes) == {(96, 64)}


def test_pairs_and_unpaired_folders_may_be_rectangles_too(tmp_path):
    for name in ("a/1", "a/2", "b/1", "b/2"):
        save(tmp_path / f"{name}.png", noise(20, 30))
    for kind in ("pairs", "unpaired"):
        assert data.load(f"{kind}:{tmp_path}/a,{tmp_path}/b@12x8").shape == (8, 12, 2)


@pytest.mark.parametrize("size", ["0x8", "8x0", "99999x8"])
def test_a_side_that_no_image_can_have_is_refused(tmp_path, size):
    save(tmp_path / "a.png", noise(8, 8))
    with pytest.raises(ValueError, match="size must be"):
        data.load(f"folder:{tmp_path}@{size}")


# --- Transparency and depth


def test_alpha_is_kept_as_a_fourth_channel(tmp_path):
    x = noise(6, 6, 4)
    save(tmp_path / "a.png", x)
    save(tmp_path / "b.png", noise(6, 6))
    found = data.load(f"folder:{tmp_path}@alpha")
    assert found.name == f"folder:{tmp_path}@alpha"
    np.testing.assert_array_equal(found.x[0], x)
    assert (found.x[1, ..., 3] == 255).all()  # an image without alpha is opaque
    small = data.load(f"folder:{tmp_path}@4x2,alpha")
    assert (small.shape, small.name) == ((2, 4, 4), f"folder:{tmp_path}@4x2,alpha")


def test_colours_under_transparent_pixels_do_not_bleed_when_alpha_is_resized(tmp_path):
    x = np.zeros((8, 8, 4), np.uint8)
    x[:, :4] = (255, 0, 0, 255)  # red, and black that cannot be seen
    for name in "ab":
        save(tmp_path / f"{name}.png", x)
    pixels = data.load(f"folder:{tmp_path}@4,alpha").x[0]
    seen = pixels[pixels[..., 3] > 16]
    assert (seen[:, 0] >= 250).all()


def test_sixteen_bits_of_grey_keep_their_values(tmp_path):
    x = noise(2, 6, 6, dtype=np.uint16)
    for name, image in zip("ab", x, strict=True):
        save(tmp_path / f"{name}.png", image)
    found = data.load(f"folder:{tmp_path}")
    assert (found.x.dtype, found.low, found.high) == (np.float32, 0.0, 65535.0)
    np.testing.assert_array_equal(found.x[..., 0], x)
    resized = data.load(f"folder:{tmp_path}@4").x
    assert (resized.min() >= 0, resized.max() <= 65535, resized.shape) == (True, True, (2, 4, 4, 1))
    # a flat image stays flat
    for name in "ab":
        save(tmp_path / f"{name}.png", np.full((6, 6), 40_000, np.uint16))
    np.testing.assert_allclose(data.load(f"folder:{tmp_path}@4").x, 40_000, rtol=1e-5)


def test_sixteen_bits_have_no_alpha(tmp_path):
    for name in "ab":
        save(tmp_path / f"{name}.png", noise(6, 6, dtype=np.uint16))
    with pytest.raises(ValueError, match="16 bits of grey have no alpha"):
        data.load(f"folder:{tmp_path}@alpha")


# --- Odd files


def photograph(height, width):
    """A smooth image, which a JPEG keeps well."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    return (np.stack([x, y, (x + y) / 2], axis=-1) * 255).astype(np.uint8)


def write_odd_files(root, huge):
    """Twelve files of odd kinds; those that can be read, and those that are refused."""
    rgb = Image.fromarray(photograph(24, 32))
    rgba = rgb.copy()
    rgba.putalpha(128)
    rgba.save(root / "alpha.png")
    rgb.quantize(16).save(root / "palette.png")
    rgb.convert("CMYK").save(root / "cmyk.jpg")
    Image.fromarray(noise(24, 32, dtype=np.uint16)).save(root / "deep.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    rgb.rotate(90, expand=True).save(root / "rotated.jpg", exif=exif)
    rgb.save(root / "animated.gif", save_all=True, append_images=[rgb.rotate(180)])
    Image.fromarray(photograph(1, 1)).save(root / "dot.png")
    Image.fromarray(photograph(huge, huge)).save(root / "huge.png", compress_level=1)
    rgb.save(root / "UPPER.PNG")
    rgb.save(root / "Grüße 猫.png")
    (root / "link.png").symlink_to(root / "UPPER.PNG")
    rgb.save(root / "whole.jpg")
    (root / "truncated.jpg").write_bytes((root / "whole.jpg").read_bytes()[:600])
    (root / "whole.jpg").unlink()
    return {"deep.png": "more than 8 bits per channel", "truncated.jpg": "truncated"}


def with_pillow(file):
    """The centre of an image at 16 pixels, with plain calls of Pillow."""
    with Image.open(file) as image:
        upright = ImageOps.exif_transpose(image)
    rgba = upright.convert("RGBA" if upright.mode in ("P", "RGBA") else "RGB").convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    flat = Image.alpha_composite(white, rgba).convert("RGB")
    factor = 16 / min(flat.size)
    flat = flat.resize([round(side * factor) for side in flat.size], Image.Resampling.LANCZOS)
    left, top = ((side - 16) // 2 for side in flat.size)
    return np.asarray(flat.crop((left, top, left + 16, top + 16)))


@pytest.mark.parametrize("huge", [400, pytest.param(8_000, marks=pytest.mark.slow)])
def test_odd_files_are_read_as_pillow_reads_them_or_refused_in_a_line(tmp_path, huge):
    refused = write_odd_files(tmp_path, huge)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 12
    found = data.load(f"folder:{tmp_path}@16,white", max_bad_fraction=0.2)
    read = [file for file in files if file.name not in refused]
    for x, file in zip(found.x, read, strict=True):
        np.testing.assert_array_equal(x, with_pillow(file), err_msg=file.name)
    assert len(found.bad) == len(refused)
    for line, (name, reason) in zip(found.bad, refused.items(), strict=True):
        assert name in line
        assert reason in line
        assert "\n" not in line


# --- Archives


FORMATS = ("zip", "tar", "tar.gz", "tar.xz", "tgz")
HIDDEN = ("__MACOSX/._1.png", ".hidden/1.png", "train/cats/.DS_Store")


def write_archive(path, files):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, contents in files.items():
                archive.writestr(name, contents)
        return path
    kind = {".tar": "w", ".xz": "w:xz"}.get(path.suffix, "w:gz")
    with tarfile.open(path, kind) as archive:
        for name, contents in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(contents)
            archive.addfile(member, io.BytesIO(contents))
    return path


def png(x):
    stream = io.BytesIO()
    Image.fromarray(x).save(stream, "png")
    return stream.getvalue()


def class_files(top=""):
    return {
        f"{top}{name}/{i}.png": png(noise(5, 5, 3)) for name in ("dogs", "cats") for i in (2, 1)
    }


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("top", ["", "train/", "./a/train/"])
def test_an_archive_is_read_as_the_folder_that_it_holds(tmp_path, form, top):
    files = class_files(top)
    hidden = dict.fromkeys(HIDDEN, b"")
    archive = write_archive(tmp_path / f"images.{form}", {**files, **hidden, "readme.txt": b"x"})
    for name, contents in files.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents)
    found = data.load(f"folder:{archive}")
    wanted = data.load(f"folder:{tmp_path}/folder/{top}")
    np.testing.assert_array_equal(found.x, wanted.x)
    assert found.labels.tolist() == [0, 0, 1, 1]
    assert (found.class_names, found.left_out) == (("cats", "dogs"), ("1 .txt",))
    assert data.load(found.name).shape == (5, 5, 3)


def test_a_folder_in_an_archive_may_be_named(tmp_path):
    files = {**class_files("train/"), **class_files("test/")}
    archive = write_archive(tmp_path / "images.zip", files)
    found = data.load(f"folder:{archive}/test@4")
    assert (found.class_names, found.shape) == (("cats", "dogs"), (4, 4, 3))
    with pytest.raises(FileNotFoundError, match=r"no images in .*images\.zip/val"):
        data.load(f"folder:{archive}/val")


def test_records_of_an_archive_can_be_read_by_other_processes(tmp_path):
    archive = write_archive(tmp_path / "images.tar", class_files())
    records = data.folder_records(archive)
    copy = pickle.loads(pickle.dumps(records))
    np.testing.assert_array_equal(copy.read(3)[0], records.read(3)[0])


def test_patches_pairs_and_unpaired_images_come_from_archives_too(tmp_path):
    archive = write_archive(tmp_path / "x.zip", class_files())
    a, b = f"{archive}/cats", f"{archive}/dogs"
    assert data.load(f"patches:{archive}@3").shape == (3, 3, 3)
    assert data.load(f"pairs:{a},{b}").shape == (5, 5, 6)
    assert data.load(f"unpaired:{a},{b}").shape == (5, 5, 6)


def test_samples_in_an_archive_may_be_scored(tmp_path):
    archive = write_archive(tmp_path / "x.zip", class_files())
    assert read_set(str(archive)).shape == (5, 5, 3)
    with pytest.raises(ValueError, match=r"For a folder of images use folder:.*x\.zip"):
        data.load(str(archive))


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz"])
def test_a_damaged_archive_is_named(tmp_path, name):
    (tmp_path / name).write_bytes(b"no archive at all")
    with pytest.raises(ValueError, match=rf"{name} is not a valid archive"):
        data.load(f"folder:{tmp_path / name}")


def test_an_archive_that_has_changed_is_read_again(tmp_path):
    archive = write_archive(tmp_path / "x.zip", class_files())
    assert data.load(f"folder:{archive}").size == 4
    write_archive(archive, {f"{i}.png": png(noise(5, 5)) for i in range(6)})
    assert data.load(f"folder:{archive}").size == 6


# --- Files of labels


LABELS = {"cats/1.png": 2, "cats/2.png": 0, "dogs/1.png": 1, "dogs/2.png": 2}


def label_file(name, labels):
    if name == "dataset.json":
        return json.dumps({"labels": list(labels.items())})
    if name == "metadata.csv":
        return "\n".join(["file_name,label", *(f"{x},{y}" for x, y in labels.items())])
    return "\n".join(json.dumps({"file_name": x, "label": y}) for x, y in labels.items())


NAMES = ("dataset.json", "metadata.csv", "metadata.jsonl")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("archived", [False, True])
def test_a_file_of_labels_goes_before_sub_folders(tmp_path, name, archived):
    files = {**class_files(), name: label_file(name, LABELS).encode()}
    root = write_archive(tmp_path / "x.zip", files) if archived else tmp_path / "x"
    for path, contents in () if archived else files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(contents)
    found = data.load(f"folder:{root}")
    assert found.labels.tolist() == list(LABELS.values())
    assert found.num_classes == 3


def test_texts_in_a_file_of_labels_are_names_of_classes(tmp_path):
    for name in ("1", "2", "3"):
        save(tmp_path / f"{name}.png", noise(4, 4))
    (tmp_path / "metadata.csv").write_text("file_name,label\n1.png,zebra\n2.png,ant\n3.png,zebra\n")
    found = data.load(f"folder:{tmp_path}")
    assert (found.labels.tolist(), found.class_names) == ([1, 0, 1], ("ant", "zebra"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file_name,label\n1.png,0\n", r"metadata\.csv has no label for 2\.png"),
        ("file_name,label\n1.png,0\n2.png,x\n", r"the label of 2\.png must be a class"),
    ],
)
def test_a_file_of_labels_that_is_wrong_names_the_image(tmp_path, text, message):
    for name in ("1", "2"):
        save(tmp_path / f"{name}.png", noise(4, 4))
    (tmp_path / "metadata.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        data.load(f"folder:{tmp_path}")


@pytest.mark.parametrize(
    ("name", "text"),
    [("metadata.csv", "file_name,text\n1.png,a\n2.png,b"), ("dataset.json", '{"labels": null}')],
)
def test_a_file_without_labels_counts_as_none(tmp_path, name, text):
    for image in ("1", "2"):
        save(tmp_path / f"{image}.png", noise(4, 4))
    (tmp_path / name).write_text(text)
    assert data.load(f"folder:{tmp_path}").labels is None


def test_a_damaged_file_of_labels_is_named(tmp_path):
    save(tmp_path / "1.png", noise(4, 4))
    (tmp_path / "dataset.json").write_text('{"labels": 3')
    with pytest.raises(ValueError, match=r"dataset\.json is not a valid file of labels"):
        data.load(f"folder:{tmp_path}")


# --- Arrays and tables


def test_a_single_array_is_read_by_its_path(tmp_path):
    x = noise(5, 4, 4)
    np.save(tmp_path / "x.npy", x)
    found = data.load(f"npy:{tmp_path}/x.npy")
    np.testing.assert_array_equal(found.x[..., 0], x)
    assert data.load(found.name).size == 5
    np.savez(tmp_path / "y.npy", x=x)
    (tmp_path / "y.npy.npz").rename(tmp_path / "y.npy")
    with pytest.raises(ValueError, match="several arrays: give it as npz:FILE"):
        data.load(f"npy:{tmp_path}/y.npy")
    with pytest.raises(ValueError, match=r"For its samples use npy:x\.npy"):
        data.load("x.npy")


def test_opening_a_table_keeps_nothing_for_each_image(tmp_path):
    peaks, image = [], png(noise(4, 4))
    for count in (100, 1_100):
        file = tmp_path / f"{count}.parquet"
        pyarrow.parquet.write_table(pyarrow.table({"image": [image] * count}), file)
        parquet_records(file)  # what is made once
        tracemalloc.start()
        parquet_records(file)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (peaks[1] - peaks[0]) / 1_000 < 8  # bytes per image; Arrow's own are not traced


def test_a_table_of_images_is_read_with_its_labels(tmp_path):
    x = noise(4, 6, 6, 3)
    columns = {"photo": [{"bytes": png(each)} for each in x], "label": [1, 0, 1, 2]}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "x.parquet")
    found = data.load(f"parquet:{tmp_path}/x.parquet")
    np.testing.assert_array_equal(found.x, x)
    assert (found.labels.tolist(), found.num_classes) == ([1, 0, 1, 2], 3)
    for details, shape in (("4", (4, 4, 3)), ("5x4", (4, 5, 3)), ("4,photo", (4, 4, 3))):
        spec = f"parquet:{tmp_path}/x.parquet@{details}"
        assert (data.load(spec).shape, data.load(spec).name) == (shape, spec)
    assert data.load(f"parquet:{tmp_path}/x.parquet@photo").shape == (6, 6, 3)
    with pytest.raises(ValueError, match="columns"):
        data.load(f"parquet:{tmp_path}/x.parquet@picture")
