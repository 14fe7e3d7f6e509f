import io
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds
from arrays import random_image, rng
from PIL import Image

from jaxgan import data
from jaxgan.data.tfds import split_label

# ---- The line of text ----


@pytest.mark.parametrize(
    ("path", "parsed"),
    [
        ("mnist", ("mnist", "train", None)),
        ("cifar10:test@64", ("cifar10", "test", 64)),
        ("cifar10@64", ("cifar10", "train", 64)),
        ("emnist/letters", ("emnist/letters", "train", None)),
        ("mnist:3.0.1", ("mnist:3.0.1", "train", None)),
        ("mnist:3.*.*@32", ("mnist:3.*.*", "train", 32)),
        ("mnist:3.0.1:train", ("mnist:3.0.1", "train", None)),
        ("mnist:train[:10%]", ("mnist", "train[:10%]", None)),
        ("mnist:train[10:20]+test", ("mnist", "train[10:20]+test", None)),
        ("mnist:3.0.1x", ("mnist", "3.0.1x", None)),
        ("a/b-c.d:1.0.0:train[:10%]@8", ("a/b-c.d:1.0.0", "train[:10%]", 8)),
    ],
)
def test_name_version_split_and_size_are_told_apart(path, parsed):
    assert data.parse_tfds(path) == parsed


@pytest.mark.parametrize(
    "path",
    ["", ":test", "mnist:", "mnist:3.0.1:", "mnist@", "mnist@0", "mnist@x", "mn ist", "mnist@-3"],
)
def test_text_of_another_form_is_rejected(path):
    with pytest.raises(ValueError, match="expected NAME, NAME:SPLIT or NAME:SPLIT@SIZE"):
        data.parse_tfds(path)


def test_arguments_that_no_data_set_has_are_rejected(tmp_path):
    with pytest.raises(ValueError, match=r"name must look like .* got 'mnist/'"):
        data.tfds_source("mnist/", data_dir=tmp_path)
    with pytest.raises(ValueError, match="size must be 1 or more pixels, got 0"):
        data.tfds_source("mnist", size=0, data_dir=tmp_path)
    with pytest.raises(ValueError, match=r"tfds_manual_dir is only for tfds:NAME.*'digits'"):
        data.load("digits", tfds_manual_dir=tmp_path)
    with pytest.raises(ValueError, match=r"needs a path after 'tfds:'.*tfds:NAME:SPLIT"):
        data.load("tfds:", tfds_manual_dir=tmp_path)


# ---- Data sets prepared by TFDS ----


@pytest.fixture
def write(tmp_path):
    """Prepares a small data set the ordinary way: features, records, and maybe its keys."""

    def write_dataset(features, records, keys=None, name="tiny", split="train"):
        def info(self):
            return tfds.core.DatasetInfo(
                builder=self,
                features=tfds.features.FeaturesDict(features),
                supervised_keys=keys,
                disable_shuffling=True,
            )

        members = {
            "VERSION": tfds.core.Version("1.0.0"),
            "name": name,
            "__module__": __name__,
            "_info": info,
            "_split_generators": lambda self, downloads: {split: self._generate_examples()},
            "_generate_examples": lambda self: enumerate(records),
        }
        bases = (tfds.core.GeneratorBasedBuilder,)
        builder = type(name, bases, members, skip_registration=True)(data_dir=tmp_path)
        builder.download_and_prepare(file_format="array_record")
        return name

    return write_dataset


def image_feature(*shape, dtype=np.uint8):
    return tfds.features.Image(shape=shape, dtype=dtype)


def png(image):
    stream = io.BytesIO()
    image.save(stream, format="png")
    return stream.getvalue()


def test_records_have_the_features_shape_labels_and_order(write, tmp_path):
    pixels = random_image(200, 5, 6, 3)
    labels = rng().integers(0, 7, 200)
    name = write(
        {
            "image": image_feature(5, 6, 3),
            "label": tfds.features.ClassLabel(num_classes=7),
            "id": tfds.features.Text(),
        },
        [
            {"image": Image.fromarray(x), "label": y, "id": "x"}
            for x, y in zip(pixels, labels, strict=True)
        ],
    )
    records = data.tfds_source(name, data_dir=tmp_path)
    assert records.class_names == tuple("0123456")
    assert (records.size, records.shape, records.dtype) == (200, (5, 6, 3), np.uint8)
    assert (records.num_classes, records.low, records.high) == (7, 0.0, 255.0)
    assert records.name == "tfds:tiny"
    everything = [*range(200), *rng().permutation(200)]  # in order, then not
    for number in everything:
        x, y = records.read(number)
        np.testing.assert_array_equal(x, pixels[number])
        assert x.dtype == np.uint8
        assert y == labels[number]
        assert type(y) is int


def test_split_notation_is_tfds_own_and_kept_in_the_name(write, tmp_path):
    pixels = random_image(10, 2, 2, 1)
    name = write(
        {"image": image_feature(2, 2, 1)},
        [{"image": Image.fromarray(x[..., 0])} for x in pixels],
    )
    records = data.tfds_source(f"{name}:1.0.0", "train[20%:50%]", 4, data_dir=tmp_path)
    assert records.size == 3
    assert records.name == "tfds:tiny:1.0.0:train[20%:50%]@4"
    assert data.parse_tfds(records.name.removeprefix("tfds:")) == (
        "tiny:1.0.0",
        "train[20%:50%]",
        4,
    )
    part = data.tfds_source(name, "train[20%:50%]", data_dir=tmp_path)
    np.testing.assert_array_equal(part.read(0)[0], pixels[2])
    assert part.read(2)[1] is None
    assert part.num_classes is None
    with pytest.raises(ValueError, match="tfds:tiny has the splits train, got 'test'"):
        data.tfds_source(name, "test", data_dir=tmp_path)
    with pytest.raises(ValueError, match=r"tfds:tiny has the splits train, got 'train\[:1'"):
        data.tfds_source(name, "train[:1", data_dir=tmp_path)
    with pytest.raises(ValueError, match=r"split 'train\[:0\]' of tfds:tiny is empty"):
        data.tfds_source(name, "train[:0]", data_dir=tmp_path)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_size_resizes_and_crops_as_for_folders(write, tmp_path, channels, mode):
    (tmp_path / "images").mkdir()
    records = []
    for number, (height, width) in enumerate([(40, 21), (13, 30), (16, 16), (5, 9)]):
        shape = (height, width) if channels == 1 else (height, width, channels)
        image = Image.fromarray(random_image(*shape))
        assert image.mode == mode
        image.save(tmp_path / "images" / f"{number}.png")
        records.append({"image": image})
    name = write({"image": image_feature(None, None, channels)}, records)
    expected = data.folder(tmp_path / "images", 16).x
    source = data.tfds_source(name, size=16, data_dir=tmp_path)
    assert source.shape == (16, 16, channels)
    for number, x in enumerate(expected):
        np.testing.assert_array_equal(source.read(number)[0], x)


def test_images_of_one_size_need_no_static_shape(write, tmp_path):
    pixels = random_image(3, 8, 9, 3)
    name = write(
        {"image": image_feature(None, None, 3)}, [{"image": Image.fromarray(x)} for x in pixels]
    )
    source = data.tfds_source(name, data_dir=tmp_path)
    assert source.shape == (8, 9, 3)
    np.testing.assert_array_equal(source.read(2)[0], pixels[2])


def test_image_of_another_size_names_its_record_and_a_size(write, tmp_path):
    sizes = [(8, 9, 3), (8, 9, 3), (7, 9, 3)]
    name = write(
        {"image": image_feature(None, None, 3)},
        [{"image": Image.fromarray(random_image(*size))} for size in sizes],
    )
    source = data.tfds_source(name, data_dir=tmp_path)
    source.read(1)
    match = r"record 2 of split 'train' of tfds:tiny is 9x7, expected 9x8; .*such as tfds:tiny@7"
    with pytest.raises(ValueError, match=match):
        source.read(2)


@pytest.mark.filterwarnings("ignore:images have transparent pixels")
def test_channels_follow_the_feature(write, tmp_path):
    rgba = random_image(4, 4, 4)
    palette = Image.fromarray(rgba[..., :3]).quantize(16)
    encoded = [png(Image.fromarray(rgba)), png(palette), png(Image.fromarray(rgba[..., 0]))]
    colours = np.asarray(palette.convert("RGB"))
    grey = np.repeat(rgba[..., :1], 3, axis=2)
    for channels in (3, 4):
        name = write(
            {"image": image_feature(4, 4, channels)},
            [{"image": x} for x in encoded],
            name=f"tiny{channels}",
        )
        source = data.tfds_source(name, data_dir=tmp_path)
        assert source.shape == (4, 4, 3)
        for number, expected in enumerate([rgba[..., :3], colours, grey]):
            np.testing.assert_array_equal(source.read(number)[0], expected)
    name = write({"image": image_feature(4, 4, 1)}, [{"image": encoded[0]}], name="tiny1")
    source = data.tfds_source(name, data_dir=tmp_path)
    luminance = rgba[..., :3] @ [0.299, 0.587, 0.114]
    assert source.shape == (4, 4, 1)
    np.testing.assert_allclose(source.read(0)[0][..., 0], luminance, atol=1)


@pytest.mark.parametrize(
    ("feature", "text"),
    [
        (image_feature(4, 4, 2), r"uint8 \[4, 4, 2\]"),
        (image_feature(4, 4, 3, dtype=np.uint16), r"uint16 \[4, 4, 3\]"),
        (image_feature(4, 4, 1, dtype=np.float32), r"float32 \[4, 4, 1\]"),
        (tfds.features.Image(shape=(None, 4, 4, 3)), r"uint8 \[None, 4, 4, 3\]"),
    ],
)
def test_images_of_other_kinds_are_rejected(write, tmp_path, feature, text):
    feature.encode_example = lambda image: image  # as it is: nobody will look at it
    name = write({"image": feature}, [{"image": b""}])
    with pytest.raises(ValueError, match=rf"'image' of tfds:{name} must be images uint8.*{text}"):
        data.tfds_source(name, data_dir=tmp_path)


def test_of_two_images_the_supervised_input_is_taken_and_masks_do_not_count(write, tmp_path):
    a, b = (Image.fromarray(random_image(4, 4, 3) // part) for part in (1, 2))
    images = {"a": image_feature(4, 4, 3), "b": image_feature(4, 4, 3)}
    name = write(images, [{"a": a, "b": b}], name="two")
    match = (
        r"tfds:two must have an image as supervised .* single image feature; it has a: Image.*b: "
    )
    with pytest.raises(ValueError, match=match):
        data.tfds_source(name, data_dir=tmp_path)
    name = write(images, [{"a": a, "b": b}], keys=("b", "a"), name="keys")
    source = data.tfds_source(name, data_dir=tmp_path)
    np.testing.assert_array_equal(source.read(0)[0], np.asarray(b))
    assert source.num_classes is None
    mask = tfds.features.LabeledImage(labels=3, shape=(4, 4, 1))
    records = [{"a": a, "mask": png(b.convert("L"))}]
    name = write({"a": images["a"], "mask": mask}, records, name="mask")
    np.testing.assert_array_equal(
        data.tfds_source(name, data_dir=tmp_path).read(0)[0], np.asarray(a)
    )


def test_label_is_the_supervised_target_and_may_be_unknown(write, tmp_path):
    image = Image.fromarray(random_image(4, 4, 3))
    features = {
        "image": image_feature(4, 4, 3),
        "coarse": tfds.features.ClassLabel(num_classes=2),
        "fine": tfds.features.ClassLabel(num_classes=9),
    }
    records = [
        {"image": image, "coarse": 1, "fine": 7},
        {"image": image, "coarse": 1, "fine": -1},
    ]
    name = write(features, records, keys=("image", "fine"))
    source = data.tfds_source(name, data_dir=tmp_path)
    assert source.num_classes == 9
    assert [source.read(number)[1] for number in range(2)] == [7, -1]


def test_of_several_class_labels_one_is_named_and_none_is_left_out_in_silence(write, tmp_path):
    features = {
        "image": image_feature(4, 4, 3),
        "coarse": tfds.features.ClassLabel(num_classes=2),
        "fine": tfds.features.ClassLabel(num_classes=9),
    }
    image = Image.fromarray(random_image(4, 4, 3))
    name = write(features, [{"image": image, "coarse": 1, "fine": 7 + i} for i in range(2)])
    message = "has the class labels coarse, fine, but none is used: select one, such as tfds:tiny@c"
    with pytest.warns(UserWarning, match=message):
        assert data.tfds_source(name, data_dir=tmp_path).num_classes is None
    for spec, label, classes in (("tiny@fine", "fine", 9), ("tiny@4,coarse", "coarse", 2)):
        path, found = split_label(spec)
        assert found == label
        parsed, split, size = data.parse_tfds(path)
        records = data.tfds_source(parsed, split, size, label=found, data_dir=tmp_path)
        assert (records.num_classes, records.name) == (classes, f"tfds:{spec}")
        assert records.read(1)[1] == (8 if label == "fine" else 1)
    with pytest.raises(ValueError, match="tfds:tiny has the class labels coarse, fine, got 'id'"):
        data.tfds_source(name, label="id", data_dir=tmp_path)


def test_a_label_beside_a_target_that_is_no_class_is_told_of_too(write, tmp_path):
    features = {
        "image": image_feature(4, 4, 3),
        "kind": tfds.features.ClassLabel(num_classes=2),
        "age": tfds.features.Scalar(np.int64),
    }
    image = Image.fromarray(random_image(4, 4, 3))
    name = write(features, [{"image": image, "kind": 1, "age": 30}], keys=("image", "age"))
    with pytest.warns(UserWarning, match="has the class labels kind, but none is used"):
        assert data.tfds_source(name, data_dir=tmp_path).num_classes is None
    assert data.tfds_source(name, label="kind", data_dir=tmp_path).num_classes == 2


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("a", ("a", None)),
        ("a@64", ("a@64", None)),
        ("a:1.0.0:train[:10%]@8,fine", ("a:1.0.0:train[:10%]@8", "fine")),
        ("a/b:test@coarse_label", ("a/b:test", "coarse_label")),
        ("a@0", ("a@0", None)),
        ("a@-3", ("a@-3", None)),
    ],
)
def test_the_feature_of_the_labels_is_told_apart(path, parts):
    assert split_label(path) == parts


def test_record_that_cannot_be_decoded_is_named_and_harms_no_other(write, tmp_path):
    pixels = random_image(5, 4, 4, 3)
    encoded = [png(Image.fromarray(x)) for x in pixels]
    encoded[2] = b"no image"
    encoded[4] = encoded[4][:40]
    name = write({"image": image_feature(4, 4, 3)}, [{"image": x} for x in encoded])
    source = data.tfds_source(name, data_dir=tmp_path)
    for number in range(5):
        if number in (2, 4):
            match = f"cannot read record {number} of split 'train' of tfds:tiny: "
            with pytest.raises(ValueError, match=match):
                source.read(number)
        else:
            np.testing.assert_array_equal(source.read(number)[0], pixels[number])


def test_with_a_size_no_record_is_read_to_start_with(write, tmp_path):
    name = write({"image": image_feature(None, None, 3)}, [{"image": b"no image"}])
    assert data.tfds_source(name, size=4, data_dir=tmp_path).shape == (4, 4, 3)
    with pytest.raises(ValueError, match="cannot read record 0 of split 'train' of tfds:tiny: "):
        data.tfds_source(name, data_dir=tmp_path)


def test_damaged_file_is_named_by_record_and_the_others_are_read(write, tmp_path):
    pixels = random_image(100, 8, 8, 3)
    name = write({"image": image_feature(8, 8, 3)}, [{"image": Image.fromarray(x)} for x in pixels])
    (file,) = (tmp_path / "tiny" / "1.0.0").glob("*array_record*")
    content = bytearray(file.read_bytes())
    at = content.index(png(Image.fromarray(pixels[50]))[40:80])
    content[at : at + 8] = bytes(8)
    file.write_bytes(content)
    source = data.tfds_source(name, data_dir=tmp_path)
    bad = []
    for number in range(100):
        try:
            np.testing.assert_array_equal(source.read(number)[0], pixels[number])
        except ValueError as error:
            bad.append((number, str(error)))
    assert [number for number, _ in bad] == [50]
    assert "record 50 of split 'train' of tfds:tiny" in bad[0][1]


def test_what_is_prepared_otherwise_is_rejected_with_advice(write, tmp_path):
    name = write({"image": image_feature(2, 2, 1)}, [{"image": Image.new("L", (2, 2))}])
    folder = tmp_path / name / "1.0.0"
    info = folder / "dataset_info.json"
    text = info.read_text()
    info.write_text(text.replace("array_record", "tfrecord"))
    with pytest.raises(
        ValueError, match=r"as tfrecord, which does not support reading by number. Delete"
    ):
        data.tfds_source(name, data_dir=tmp_path)
    info.write_text(text[:100])
    with pytest.raises(ValueError, match="the prepared files of tfds:tiny are invalid: "):
        data.tfds_source(name, data_dir=tmp_path)


READ_ELSEWHERE = """
import pickle, sys
from pathlib import Path
read = pickle.loads(Path(sys.argv[1]).read_bytes())
print("tensorflow_datasets" in sys.modules)
from jaxgan import data
from jaxgan.data.tfds import split_label
again = data.load("tfds:tiny:train@3", max_bytes=0)
(x, y), (x_again, y_again) = read(1), again.read(1)
print("tensorflow" in sys.modules, x.tolist() == x_again.tolist(), y, y_again, x.sum())
"""


@pytest.mark.slow
def test_another_process_reads_without_tensorflow(write, tmp_path):
    pixels = random_image(2, 6, 6, 3)
    name = write(
        {"image": image_feature(6, 6, 3), "label": tfds.features.ClassLabel(num_classes=4)},
        [{"image": Image.fromarray(x), "label": 2 + i} for i, x in enumerate(pixels)],
    )
    read = data.tfds_source(name, size=3, data_dir=tmp_path).read
    x, _ = read(1)  # with its files open, it can still be pickled
    (tmp_path / "read").write_bytes(pickle.dumps(read))
    done = subprocess.run(
        [sys.executable, "-c", READ_ELSEWHERE, tmp_path / "read"],
        env={**os.environ, "TFDS_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", "False", "True", "3", "3", str(x.sum())]
    assert len(pickle.dumps(read)) < 1000
