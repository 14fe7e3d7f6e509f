"""Folders of images: every image is found, none twice, and all that is left out is said."""

import io
import os
import pickle
import re
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from commands import invoke
from outputs import described
from PIL import Image, ImageOps, features

from jaxgan import data
from jaxgan.data.images import read_image
from jaxgan.data.summary import summary
from jaxgan.runs.outputs import sample_files
from jaxgan.runs.settings.fingerprint import DataFacts, data_facts
from jaxgan.settings import check_fields


def write(path, value=0, size=(8, 8), kind=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, value).save(path, format=kind)


def write_classes(root, names, num=3):
    for name in names:
        for number in range(num):
            write(root / name / f"{number}.png", 25 * number)
    return root


def write_run(folder):
    """What a run leaves that a reader of images may meet."""
    (folder / "checkpoints").mkdir(parents=True)
    for name in ("config.json", "metrics.jsonl", "events.jsonl"):
        (folder / name).write_text("{}")
    write(folder / "curves.png", size=(60, 20))
    write(folder / "samples" / "step_0000010.png", size=(33, 33))


def write_stages(folder):
    for name in ("level8", "level16"):
        write_run(folder / name)
    (folder / "stages.json").write_text('{"recipe": "lapgan", "overrides": {}}')
    write(folder / "levels.png", size=(50, 50))


# ---- Runs below the data ----


@pytest.mark.parametrize("write_below", [write_run, write_stages])
@pytest.mark.parametrize("names", [("a", "b"), ("",)], ids=["classes", "flat"])
@pytest.mark.parametrize("place", ["runs/cgan", "cgan", "a/cgan"])
def test_pictures_of_runs_below_the_data_are_no_data(tmp_path, names, place, write_below):
    write_classes(tmp_path, names)
    before = data.folder(tmp_path)
    write_below(tmp_path / place)
    after = data.folder(tmp_path)
    np.testing.assert_array_equal(after.x, before.x)
    np.testing.assert_array_equal(after.condition, before.condition)
    assert after.class_names == before.class_names
    assert after.left_out == ("1 run",)


def test_a_run_that_has_only_begun_is_no_class(tmp_path):
    write_classes(tmp_path, ("a", "b"))
    (tmp_path / "new").mkdir()
    for name in (".lock", "config.json"):
        (tmp_path / "new" / name).write_text("{}")
    (tmp_path / "staged").mkdir()
    (tmp_path / "staged" / "stages.json").write_text('{"recipe": "lapgan", "overrides": {}}')
    assert data.folder(tmp_path).left_out == ("2 runs",)


def test_a_folder_with_a_config_file_alone_is_no_run(tmp_path):
    write_classes(tmp_path, ("a", "b"))
    (tmp_path / "b" / "config.json").write_text("{}")
    assert data.folder(tmp_path).left_out == ("1 .json",)
    assert data.folder(tmp_path).size == 6


# ---- Links and permissions ----


def test_linked_class_folders_are_followed(tmp_path):
    write_classes(tmp_path / "elsewhere", ["dog"])
    write_classes(tmp_path / "data", ["cat"])
    (tmp_path / "data" / "dog").symlink_to(tmp_path / "elsewhere" / "dog")
    dataset = data.folder(tmp_path / "data")
    assert (dataset.size, dataset.class_names) == (6, ("cat", "dog"))


def test_links_back_to_a_folder_above_end(tmp_path):
    write_classes(tmp_path, ["cat", "dog"])
    (tmp_path / "cat" / "all").symlink_to(tmp_path)
    (tmp_path / "dog" / "deep").mkdir()
    (tmp_path / "dog" / "deep" / "again").symlink_to("..")
    dataset = data.folder(tmp_path)
    assert (dataset.size, dataset.class_names) == (6, ("cat", "dog"))
    assert dataset.left_out == ("2 links to folders above them",)


def test_a_folder_that_is_found_twice_gets_a_warning(tmp_path):
    write_classes(tmp_path, ["cat"])
    (tmp_path / "dog").symlink_to("cat")
    with pytest.warns(UserWarning, match=r"are the same folder, so its images count twice"):
        assert data.folder(tmp_path).size == 6


@pytest.mark.parametrize("target", ["nowhere.png", "3.png"], ids=["broken", "to itself"])
def test_broken_links_count_as_bad_images(tmp_path, target):
    write_classes(tmp_path, ["cat", "dog"])
    (tmp_path / "cat" / "3.png").symlink_to(target)
    with pytest.raises(ValueError, match=r"1 of 7 records .*\n.*cannot read image .*cat/3\.png"):
        data.folder(tmp_path)
    dataset = data.folder(tmp_path, max_bad_fraction=0.2)
    assert (dataset.size, len(dataset.bad)) == (6, 1)


def test_a_broken_link_that_may_be_a_folder_is_an_error(tmp_path):
    write_classes(tmp_path, ["cat"])
    (tmp_path / "dog").symlink_to("nowhere")
    with pytest.raises(FileNotFoundError, match=r"dog is a link to nowhere, which does not exist"):
        data.folder(tmp_path)


@pytest.mark.parametrize("rejected", ["dog", "cat/deep", ""])
def test_a_folder_without_permission_is_an_error(tmp_path, monkeypatch, rejected):
    write_classes(tmp_path, ["cat", "cat/deep", "dog"])
    scandir = os.scandir

    def refusing(folder):  # for root nothing is forbidden
        if os.fspath(folder) == os.fspath(tmp_path / rejected):
            raise PermissionError(13, "Permission denied", os.fspath(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    place = re.escape(str(tmp_path / rejected))
    with pytest.raises(
        PermissionError, match=rf"cannot read folder {place} \(Permission denied\): "
    ):
        data.folder(tmp_path)


# ---- Which files are images ----

SUFFIXES = (
    ".jfif", ".jpe", ".JPG", ".avif", ".jp2", ".tga", ".pbm", ".pnm", ".dib", ".apng", ".webp",
)  # fmt: skip


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_suffix_of_still_images_is_taken(tmp_path, suffix):
    if suffix == ".avif" and not ("avif" in features.modules and features.check("avif")):
        pytest.skip("this Pillow reads no AVIF")
    for number in range(3):
        write(tmp_path / "a" / f"{number}{suffix}", 255, (16, 16))
        write(tmp_path / "b" / f"{number}.png", 255, (16, 16))
    dataset = data.folder(tmp_path)
    assert (dataset.size, dataset.left_out) == (6, ())
    assert dataset.x.min() > 250


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "BMP", "PPM"])
def test_images_without_a_suffix_are_known_by_their_first_bytes(tmp_path, kind):
    for name in ("0001", "0002"):
        write(tmp_path / name, kind=kind)
    for name in ("README", "empty"):
        (tmp_path / name).write_text("P6 of all pages" if name == "README" else "")
    dataset = data.folder(tmp_path)
    assert (dataset.size, dataset.left_out) == (2, ("2 without a suffix",))


def test_what_is_left_out_is_counted_by_kind(tmp_path):
    write_classes(tmp_path, ["a", "b"])
    os.mkfifo(tmp_path / "a" / "pipe.png")
    for name in ("a/1.txt", "a/2.TXT", "b/1.heic", "b/.hidden", "index.html", "b/film.mp4"):
        (tmp_path / name).write_text("no image")
    found = data.folder(tmp_path)
    assert found.left_out == ("2 .txt", "1 .heic", "1 .html", "1 .mp4", "1 special file")
    records = data.folder_records(tmp_path)
    assert pickle.loads(pickle.dumps(records)).left_out == found.left_out


def test_a_folder_without_images_says_what_is_there(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.heic").write_text("no image here")
    with pytest.raises(FileNotFoundError, match=r"no images in .* \(it holds 3 \.heic\); image"):
        data.folder(tmp_path)


def test_a_class_whose_files_are_all_left_out_is_an_error(tmp_path):
    write_classes(tmp_path, ["a", "b"])
    (tmp_path / "c" / "deep").mkdir(parents=True)
    (tmp_path / "c" / "deep" / "0.heic").write_text("no image here")
    with pytest.raises(ValueError, match=r"folder .*/c holds no images, but 1 \.heic: convert"):
        data.folder(tmp_path)
    write(tmp_path / "c" / "0.png")
    assert data.folder(tmp_path).class_names == ("a", "b", "c")


def test_a_class_of_which_no_image_can_be_read_is_an_error_or_said(tmp_path):
    write_classes(tmp_path, ["a", "b"], num=20)
    path = tmp_path / "c" / "0.png"
    write(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:45])  # a header and no pixels
    with pytest.warns(UserWarning, match="no readable sample of the classes c"):
        assert data.folder(tmp_path, max_bad_fraction=0.1).num_classes == 2
    path.write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"no image in the class folder .*/c can be read"):
        data.folder(tmp_path, max_bad_fraction=0.1)


@pytest.mark.parametrize("names", [("train", "val"), ("Train", "valid", "test"), ("test",)])
def test_splits_as_the_only_classes_get_a_warning(tmp_path, names):
    write_classes(tmp_path, [f"{name}/cat" for name in names])
    with pytest.warns(UserWarning, match=rf"look like splits .* folder:.*/{sorted(names)[0]}$"):
        assert data.folder(tmp_path).class_names == tuple(sorted(names))
    write_classes(tmp_path, ["cat"])
    with warnings.catch_warnings(action="error"):
        data.folder(tmp_path)


# ---- Names of classes ----


@pytest.fixture
def numbered(tmp_path):
    """Eleven classes, 0 to 10, of six images each, and four text files."""
    write_classes(tmp_path, map(str, range(11)), num=6)
    for number in range(4):
        (tmp_path / str(number) / "notes.txt").write_text("no image")
    return tmp_path


def test_classes_are_sorted_as_text_and_named(numbered):
    dataset = data.folder(numbered)
    assert dataset.class_names == ("0", "1", "10", *"23456789")
    line = "66 images 8x8x1, 11 classes: 0, 1, 10, 2, …; left out: 4 .txt"
    assert summary(dataset) == summary(data.folder_records(numbered)) == line


def test_the_summary_counts_unreadable_images_and_names_few_classes(tmp_path):
    write_classes(tmp_path, ["cat", "dog"], num=10)
    (tmp_path / "cat" / "0.png").write_bytes(b"no image")
    found = data.folder(tmp_path, max_bad_fraction=0.1)
    assert summary(found) == "19 images 8x8x1, 2 classes: cat, dog; left out: 1 unreadable"
    assert summary(data.load("gaussian")) == "100,000 samples of shape 2"


@pytest.mark.one_quick_case
@pytest.mark.parametrize("options", [(), ("--max-memory", "0")], ids=["in memory", "streamed"])
def test_a_run_begins_with_a_line_on_its_data(
    numbered, tmp_path_factory, untrained, narrow_recipes, options
):
    out = tmp_path_factory.mktemp("runs") / "cgan"
    source = ("--data", f"folder:{numbered}", "--devices", "1", "--batch-size", "8")
    result = invoke("train", "cgan", *source, *options, "--out", str(out))
    assert result.exit_code == 0, result.output
    line = "66 images 8x8x1, 11 classes: 0, 1, 10, 2, …; left out: 4 .txt"
    assert line in result.output.splitlines()


def test_the_configuration_holds_the_names_of_classes_where_the_networks_know_them(numbered):
    dataset = data.folder(numbered)
    found = check_fields(data_facts(dataset, conditional=True))
    assert found.class_names == ("0", "1", "10", *"23456789")
    assert data_facts(dataset, conditional=False).class_names is None


def test_names_that_are_no_text_can_be_written_down(tmp_path):
    write_classes(tmp_path, ["a\nb", "caf\udce9", "dög"])
    names = data.folder(tmp_path).class_names
    assert names == ("a\\nb", "caf\\xe9", "dög")
    assert summary(data.folder(tmp_path)).encode()


@pytest.mark.parametrize(
    ("label", "number"),
    [("cat", 0), ("10", 1), ("2", 2), ("0", 0), (1, 1), (2, 2), ("ü", 3)],
)
def test_a_label_is_a_name_or_a_number(label, number):
    generator = _of_classes(("cat", "10", "2", "ü"))
    assert sample_files.requested_labels(generator, 2, label).tolist() == [number] * 2


def test_a_class_is_told_by_name_and_number():
    assert sample_files.class_text(_of_classes(("cat", "10")), 1) == "10 (number 1)"
    assert sample_files.class_text(_of_classes(None), 1) == "1"


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (
            "cta",
            r"--label cta: the classes .* are 0 to 1, called cat, dog. Did you mean 'cat'\?",
        ),
        ("7", r"--label 7: the classes of the run are 0 to 1, called cat, dog$"),
        ("-1", "0 to 1, called cat, dog$"),
        ("1_0", "0 to 1, called cat, dog$"),
        (2, "0 to 1, called cat, dog$"),
    ],
)
def test_a_wrong_label_gets_the_list_of_names(label, message):
    generator = _of_classes(("cat", "dog"))
    with pytest.raises(ValueError, match=message):
        sample_files.requested_labels(generator, 2, label)


def _of_classes(names):
    num_classes = 2 if names is None else len(names)
    found = DataFacts((8, 8, 1), 9, num_classes, 0.0, 255.0, "", class_names=names)
    return described(SimpleNamespace(data=found))


# ---- Strips ----


@pytest.mark.parametrize("size", [(1, 65_000), (65_000, 1), (3, 300)])
def test_thin_strips_are_never_enlarged_as_a_whole(tmp_path, monkeypatch, size):
    write(tmp_path / "strip.png", 7, size)
    resize = Image.Image.resize

    def bounded(image, to, *arguments, **keywords):
        assert to[0] * to[1] <= 8 * 256**2
        return resize(image, to, *arguments, **keywords)

    monkeypatch.setattr(Image.Image, "resize", bounded)
    image = read_image(tmp_path / "strip.png", "L", 256)
    assert (image.shape, image.min(), image.max()) == ((256, 256, 1), 7, 7)


@pytest.mark.parametrize("lies", [False, True])
def test_the_centre_of_a_strip_is_kept(tmp_path, lies):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 800), np.uint8)
    turned = pixels if lies else pixels.T
    Image.fromarray(turned).save(tmp_path / "strip.png")
    kept = read_image(tmp_path / "strip.png", "L", 8)[..., 0]
    np.testing.assert_array_equal(kept if lies else kept.T, pixels[:, 396:404])


@pytest.mark.parametrize("size", [(40, 31), (31, 100), (12, 96), (96, 12)])
def test_ordinary_images_are_resized_as_a_whole_and_then_cropped(tmp_path, size):
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0]), np.uint8)
    image = Image.fromarray(pixels)
    image.save(tmp_path / "image.png")
    width, height = (max(16, round(side * 16 / min(size))) for side in size)
    whole = np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))
    top, left = (height - 16) // 2, (width - 16) // 2
    expected = whole[top : top + 16, left : left + 16]
    np.testing.assert_array_equal(read_image(tmp_path / "image.png", "L", 16)[..., 0], expected)


def test_an_error_without_a_text_is_named_by_its_kind(tmp_path, monkeypatch):
    write(tmp_path / "image.png")

    def failing(*arguments, **keywords):
        raise MemoryError

    monkeypatch.setattr(ImageOps, "exif_transpose", failing)
    with pytest.raises(ValueError, match=r"image\.png: MemoryError$"):
        read_image(tmp_path / "image.png", "L", 8)


# ---- Large images ----


def test_large_images_are_bad_unless_they_are_allowed(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 64)  # Pillow refuses twice as many
    write_classes(tmp_path, ["a", "b"])
    write(tmp_path / "b" / "large.png", size=(20, 20))
    with pytest.raises(
        ValueError, match=r"large\.png: .* pixels.*pass max_pixels, or --max-pixels to"
    ):
        data.load(f"folder:{tmp_path}@8")
    with pytest.raises(ValueError, match=r"large\.png: .*399.*; to allow larger"):
        data.load(f"folder:{tmp_path}@8", max_pixels=399)
    assert data.load(f"folder:{tmp_path}@8", max_pixels=400).size == 7


def test_a_limit_below_that_of_pillow_holds_too(tmp_path):
    write_classes(tmp_path, ["a", "b"])
    with pytest.raises(ValueError, match="8x8 pixels exceed max_pixels=63"):
        data.folder(tmp_path, max_pixels=63)
    buffer = io.BytesIO()
    Image.new("L", (9, 9)).save(buffer, "png")
    (tmp_path / "a" / "large").write_bytes(buffer.getvalue())
    assert data.folder(tmp_path, 8, max_bad_fraction=0.2, max_pixels=64).size == 6
