"""Patches cut out of images of any size, and pairs of folders."""

import pickle

import numpy as np
import pytest
from PIL import Image

from jaxgan import data


def write(path, height, width, seed=0, mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (height, width, 3) if mode == "RGB" else (height, width)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels.reshape(height, width, -1)


def test_patches_cover_images_of_any_size_from_edge_to_edge(tmp_path):
    first = write(tmp_path / "a.png", 8, 11)
    write(tmp_path / "b.png", 3, 20)  # too small: no patch of 4 fits
    second = write(tmp_path / "c.png", 4, 4, seed=1)
    found = data.load(f"patches:{tmp_path}@4")
    # 8 = 4 + 2 * 2: tops 0, 2, 4; 11: lefts 0, 2, 4 (of 3.5 steps 1.75 each), 5, 7
    lefts = [0, 2, 4, 5, 7]
    expected = [first[top : top + 4, left : left + 4] for top in (0, 2, 4) for left in lefts]
    np.testing.assert_array_equal(found.x, np.stack([*expected, second]))
    assert (found.low, found.high, found.condition) == (0.0, 255.0, None)


def test_patches_too_large_for_all_images_are_rejected(tmp_path):
    write(tmp_path / "a.png", 8, 8)
    with pytest.raises(ValueError, match="too small for patches of 9x9"):
        data.load(f"patches:{tmp_path}@9")
    with pytest.raises(ValueError, match="needs the size of a patch"):
        data.load(f"patches:{tmp_path}")


def test_broken_images_count_before_they_are_cut_into_patches(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / f"{name}.png", 40, 40)
    for name in ("c", "d"):
        (tmp_path / f"{name}.png").write_bytes(b"no image")
    spec = f"patches:{tmp_path}@4"
    for share in (0, 0.01, 0.49):
        with pytest.raises(ValueError, match=r"2 of 4 images \(50\.00%\) .*\n.*c\.png.*\n.*d\.png"):
            data.load(spec, max_bad_fraction=share)
    found = data.load(spec, max_bad_fraction=0.5)
    assert (found.size, len(found.bad)) == (2 * 19 * 19, 2)


def test_images_smaller_than_a_patch_are_counted(tmp_path):
    write(tmp_path / "a.png", 8, 8)
    write(tmp_path / "b.png", 3, 20)
    (tmp_path / "c.txt").write_text("no image")
    assert data.load(f"patches:{tmp_path}@4").left_out == ("1 .txt", "1 smaller than a patch")


def test_a_large_image_gives_patches_where_it_is_allowed(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 64)  # Pillow refuses twice as many
    write(tmp_path / "a.png", 8, 8)
    write(tmp_path / "large.png", 20, 20)
    with pytest.raises(ValueError, match=r"1 of 2 images .*\n.*large\.png.*--max-pixels to"):
        data.load(f"patches:{tmp_path}@4")
    assert data.load(f"patches:{tmp_path}@4", max_pixels=400).size == 9 + 81


def test_pairs_have_the_target_first_and_grey_sources_in_colour(tmp_path):
    names = ("one", "two")
    photos = [write(tmp_path / "photos" / f"{name}.png", 6, 6, i) for i, name in enumerate(names)]
    sketches = [
        write(tmp_path / "sketches" / f"{name}.bmp", 6, 6, 9 + i, "L")
        for i, name in enumerate(names)
    ]
    found = data.load(f"pairs:{tmp_path / 'sketches'},{tmp_path / 'photos'}")
    assert found.x.shape == (2, 6, 6, 6)
    for x, photo, sketch in zip(found.x, photos, sketches, strict=True):
        np.testing.assert_array_equal(x[..., :3], photo)
        np.testing.assert_array_equal(x[..., 3:], np.repeat(sketch, 3, axis=2))


def test_pairs_that_do_not_match_are_rejected(tmp_path):
    write(tmp_path / "a" / "x.png", 6, 6)
    write(tmp_path / "a" / "y.png", 6, 6)
    write(tmp_path / "b" / "x.png", 6, 8)
    with pytest.raises(ValueError, match="same names, but 'y' is only in"):
        data.load(f"pairs:{tmp_path / 'a'},{tmp_path / 'b'}")
    with pytest.raises(ValueError, match="must name two folders"):
        data.load(f"pairs:{tmp_path / 'a'}")


def write_pair(root, name, source, target, **options):
    write(root / "a" / f"{name}.png", *source, **options)
    write(root / "b" / f"{name}.png", *target, **options)
    return f"pairs:{root / 'a'},{root / 'b'}"


@pytest.mark.parametrize("target", [(6, 8), (8, 6), (12, 6)])
@pytest.mark.parametrize("size", ["", "@4"])
def test_a_pair_of_other_aspect_is_named_whatever_the_size(tmp_path, target, size):
    write_pair(tmp_path, "one", (6, 6), (6, 6))
    spec = write_pair(tmp_path, "two", (6, 6), target)
    sides = rf"a/two\.png is 6x6, .*b/two\.png is {target[1]}x{target[0]} "
    with pytest.raises(ValueError, match=rf"images of a pair differ in size: .*{sides}.*would not"):
        data.load(spec + size)


def test_pairs_of_one_aspect_and_other_sides_take_a_size(tmp_path):
    write_pair(tmp_path, "one", (60, 80), (30, 40))
    spec = write_pair(tmp_path, "two", (60, 90), (120, 181))  # rounded by the way
    with pytest.raises(ValueError, match=r"a/one\.png is 80x60, .*b/one\.png is 40x30.*@30$"):
        data.load(spec)
    assert data.load(f"{spec}@16").x.shape == (2, 16, 16, 6)


def test_pairs_that_differ_from_each_other_need_a_size(tmp_path):
    write_pair(tmp_path, "one", (6, 6), (6, 6))
    spec = write_pair(tmp_path, "two", (6, 8), (6, 8))
    with pytest.raises(ValueError, match=r"pairs differ in size: .*/one\.png .*/two\.png .*@6$"):
        data.load(spec)
    assert data.load(f"{spec}@4").x.shape == (2, 4, 4, 6)


def test_a_photograph_turned_on_one_side_of_a_pair_is_rejected(tmp_path):
    spec = write_pair(tmp_path, "one", (6, 9), (6, 9))
    write_pair(tmp_path, "two", (6, 9), (6, 9))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter
    Image.open(tmp_path / "a" / "two.png").save(tmp_path / "a" / "two.png", exif=exif)
    with pytest.raises(ValueError, match=r"a/two\.png is 6x9, .*b/two\.png is 9x6 .*upright"):
        data.load(f"{spec}@4")


def test_pairs_are_made_by_name_where_the_folders_sort_differently(tmp_path):
    # d.e.png comes before d.png, but d.BMP before d.e.tiff
    for number, name in enumerate(("c", "d", "d.e")):
        write(tmp_path / "from" / f"{name}.png", 4, 4, number)
        write(tmp_path / "to" / f"{name}{'.BMP' if name == 'd' else '.tiff'}", 4, 4, number)
    found = data.load(f"pairs:{tmp_path / 'from'},{tmp_path / 'to'}")
    assert found.size == 3
    np.testing.assert_array_equal(found.x[..., :3], found.x[..., 3:])


def test_two_files_of_one_name_are_no_pair(tmp_path):
    spec = write_pair(tmp_path, "one", (6, 6), (6, 6))
    write(tmp_path / "a" / "one.bmp", 6, 6)
    with pytest.raises(ValueError, match=r"one\.bmp and .*one\.png have the same name 'one'"):
        data.load(spec)


def test_a_pair_is_bad_if_one_of_its_images_is(tmp_path):
    for name in ("one", "two", "three"):
        spec = write_pair(tmp_path, name, (6, 6), (6, 6))
    (tmp_path / "b" / "two.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"1 of 3 records .*\n.*b/two\.png"):
        data.load(spec)
    found = data.load(spec, max_bad_fraction=0.5)
    assert (found.size, len(found.bad)) == (2, 1)


def test_label_maps_are_resized_by_the_nearest_pixel_where_asked(tmp_path):
    maps = np.where(np.random.default_rng(0).random((30, 30)) < 0.5, 1, 6).astype(np.uint8)
    for name in ("one", "two"):
        write(tmp_path / "photos" / f"{name}.png", 30, 30)
        (tmp_path / "maps").mkdir(exist_ok=True)
        Image.fromarray(maps).save(tmp_path / "maps" / f"{name}.png")
    plain = f"pairs:{tmp_path / 'photos'},{tmp_path / 'maps'}@16"
    spec = f"pairs:{tmp_path / 'photos'},{tmp_path / 'maps'}:nearest@16"
    assert set(np.unique(data.load(plain).x[..., :3])) > {1, 6}
    found = data.load(spec)
    assert set(np.unique(found.x[..., :3])) == {1, 6}
    np.testing.assert_array_equal(found.x[..., 3:], data.load(plain).x[..., 3:])
    assert data.load(found.name).name == spec
    turned = f"pairs:{tmp_path / 'maps'}:nearest,{tmp_path / 'photos'}@16"
    assert set(np.unique(data.load(turned).x[..., 3:])) == {1, 6}


def test_records_of_pieces_can_be_handed_to_workers(tmp_path):
    for name in "ab":
        for image in "xy":
            write(tmp_path / name / f"{image}.png", 6, 6)
    for records in (
        data.patch_records(tmp_path, 4),
        data.pair_records(tmp_path / "a", tmp_path / "b"),
    ):
        copy = pickle.loads(pickle.dumps(records))
        np.testing.assert_array_equal(copy.read(1)[0], records.read(1)[0])


def test_built_in_photos_and_outlines_are_what_they_say():
    photos = data.load("photos")
    assert photos.x.shape == (208, 96, 96, 3)
    assert photos.x.dtype == np.uint8
    np.testing.assert_array_equal(photos.x[0][:, 45:], photos.x[1][:, :51])  # 544 px in 12 steps
    outlines = data.load("digit-outlines")
    digit, outline = outlines.x[0, ..., 0] > 8, outlines.x[0, ..., 1] > 8
    edges = np.diff(digit, axis=0, prepend=False) | np.diff(digit, axis=1, prepend=False)
    np.testing.assert_array_equal(outline, edges)
    np.testing.assert_array_equal(outlines.x[..., 0], data.load("digits").x[..., 0])
