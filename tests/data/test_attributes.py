"""Attributes: numbers beside the samples are read as they are, or refused by file and record."""

import io
import json
import zipfile

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from jaxgan import Plan, data
from jaxgan.data.summary import summary
from jaxgan.training.batches import example_batch
from jaxgan.training.plan_checks import warn_of_doubts

NAMES = ("a/1.png", "a/2.png", "b/3.png")
AGE, SMILING, POSE = [31.5, 4.0, 97.0], [1, -1, 1], [[0.5, 1.0], [0.0, -2.0], [1e-3, 3.0]]
ROWS = np.column_stack([AGE, SMILING, POSE]).astype(np.float32)
WANTED = ("age", "smiling", "pose")


def png(value=0, side=4):
    stream = io.BytesIO()
    Image.new("L", (side, side), value).save(stream, "png")
    return stream.getvalue()


def write_folder(root, files):
    images = {name: png(50 * number) for number, name in enumerate(NAMES)}
    for name, contents in (images | files).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    return root


def lines(*names):
    """metadata.jsonl with the images out of order."""
    columns = {"age": AGE, "smiling": SMILING, "pose": POSE, "who": ["x", "y", "z"]}
    rows = [
        {"file_name": image, **{name: columns[name][i] for name in names}}
        for i, image in enumerate(NAMES)
    ]
    return "\n".join(json.dumps(row) for row in reversed(rows))


CSV = "file_name,age,smiling,who\nb/3.png,97,1,z\na/1.png,31.5,1,x\na/2.png,4,-1,y\n"


def test_columns_of_a_folder_are_attributes_in_the_order_of_the_images(tmp_path):
    root = write_folder(tmp_path, {"metadata.jsonl": lines(*WANTED, "who")})
    found = data.load(f"folder:{root}", condition=WANTED)
    np.testing.assert_array_equal(found.condition, ROWS)
    assert found.condition.dtype == np.float32
    assert found.attribute_names == ("age", "smiling", "pose[0]", "pose[1]")
    assert (found.condition_width, found.num_classes, found.class_names) == (4, None, None)


@pytest.mark.parametrize("order", [("age", "smiling"), ("smiling", "age")])
def test_columns_of_a_csv_file_are_in_the_order_asked_for(tmp_path, order):
    root = write_folder(tmp_path, {"metadata.csv": CSV})
    found = data.load(f"folder:{root}", condition=order)
    np.testing.assert_array_equal(found.condition, ROWS[:, [WANTED.index(name) for name in order]])


def test_an_archive_has_attributes_as_its_folder_has(tmp_path):
    root = write_folder(tmp_path / "x", {"metadata.csv": CSV})
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in (*NAMES, "metadata.csv"):
            archive.write(root / name, name)
    found = data.load(f"folder:{tmp_path}/x.zip", condition=("age",))
    np.testing.assert_array_equal(found.condition, ROWS[:, :1])


def test_labels_of_stylegan_may_be_lists_of_numbers(tmp_path):
    labels = json.dumps({"labels": [[name, POSE[i]] for i, name in enumerate(NAMES)]})
    root = write_folder(tmp_path, {"dataset.json": labels, "metadata.csv": CSV})
    found = data.load(f"folder:{root}", condition=("labels", "age"))
    np.testing.assert_array_equal(found.condition, ROWS[:, [2, 3, 0]])


def test_booleans_are_one_and_zero(tmp_path):
    text = "file_name,hat\na/1.png,True\na/2.png,false\nb/3.png,1\n"
    found = data.load(
        f"folder:{write_folder(tmp_path, {'metadata.csv': text})}", condition=("hat",)
    )
    np.testing.assert_array_equal(found.condition, [[1], [0], [1]])


def test_streamed_records_have_the_conditions_of_data_in_memory(tmp_path):
    root = write_folder(tmp_path, {"metadata.csv": CSV, "a/2.png": b"no image"})
    spec, words = f"folder:{root}", [1, 2]
    whole = data.load(spec, condition=("age",), max_bad_fraction=0.5)
    records = data.load(spec, condition=("age",), max_bytes=0)
    assert (records.condition_width, records.num_classes) == (1, None)
    np.testing.assert_array_equal(whole.condition, ROWS[[0, 2], :1])
    numbers = data.batch_indices(words, 0, 4, 3, 3)
    stream = data.stream(records, words, 0, 4, 3, max_bad_fraction=0.5)
    for batch, own in zip(stream, numbers, strict=True):
        good = np.where(own == 1, 2, own)  # the next one takes the place of an unreadable image
        np.testing.assert_array_equal(batch.condition, ROWS[good, :1])
        np.testing.assert_array_equal(batch.x[:, 0, 0, 0], 50 * good)


def test_networks_start_on_the_first_attributes(tmp_path):
    root = write_folder(tmp_path, {"metadata.csv": CSV})
    for max_bytes in (0, 2**20):
        found = data.load(f"folder:{root}", condition=("age",), max_bytes=max_bytes)
        np.testing.assert_array_equal(example_batch(found, 4, True).condition[:3], ROWS[:, :1])


def test_columns_of_a_table_are_attributes(tmp_path):
    columns = {
        "image": [{"bytes": png(i)} for i in range(3)],
        "age": AGE,
        "smiling": [True, False, True],
        "pose": POSE,
        "label": [0, 1, 1],
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "x.parquet")
    found = data.load(f"parquet:{tmp_path}/x.parquet", condition=WANTED)
    np.testing.assert_array_equal(found.condition[:, [0, 2, 3]], ROWS[:, [0, 2, 3]])
    np.testing.assert_array_equal(found.condition[:, 1], [1, 0, 1])
    with pytest.raises(ValueError, match=r"no column 'poses' .* Did you mean 'pose'\?"):
        data.load(f"parquet:{tmp_path}/x.parquet", condition=("poses",))


@pytest.mark.parametrize("spec", ["npz:{}", "npz:{}@x", "npz:{}@x,y"])
def test_arrays_of_an_archive_are_attributes(tmp_path, spec):
    x = np.arange(48, dtype=np.uint8).reshape(3, 4, 4)
    arrays = {"x": x, "y": [0, 1, 1], "age": AGE, "pose": POSE}
    np.savez(tmp_path / "x.npz", **arrays)
    found = data.load(spec.format(tmp_path / "x.npz"), condition=("pose", "age"))
    np.testing.assert_array_equal(found.condition, ROWS[:, [2, 3, 0]])
    assert found.attribute_names == ("pose[0]", "pose[1]", "age")


WRONG = {
    "file_name,age\na/1.png,1\na/2.png,\nb/3.png,1\n": r"'age' of a/2\.png .* got nothing",
    "file_name,age\na/1.png,1\na/2.png\nb/3.png,1\n": r"'age' of a/2\.png .* got nothing",
    "file_name,age\na/1.png,1\na/2.png,old\nb/3.png,1\n": r"'age' of a/2\.png .* got 'old'",
    "file_name,age\na/1.png,1\na/2.png,nan\nb/3.png,1\n": r"of a/2\.png must be a finite number",
    "file_name,age\na/1.png,1\na/2.png,1e60\nb/3.png,1\n": r"'age' of a/2\.png .* got 1e\+60",
    "file_name,age\na/1.png,1\nb/3.png,1\n": r"metadata\.csv has no line for a/2\.png",
    "file_name,ages\na/1.png,1\n": r"'age' of attributes\. Did you mean 'ages'\? Columns: ages",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_number_is_named_by_file_image_and_column(tmp_path, text):
    root = write_folder(tmp_path, {"metadata.csv": text})
    with pytest.raises(ValueError, match=WRONG[text]) as error:
        data.load(f"folder:{root}", condition=("age",))
    assert "\n" not in str(error.value)
    assert str(root) in str(error.value)


def test_lists_of_unequal_lengths_are_refused(tmp_path):
    rows = [{"file_name": name, "pose": [1.0] * (1 + i // 2)} for i, name in enumerate(NAMES)]
    text = "\n".join(map(json.dumps, rows))
    root = write_folder(tmp_path, {"metadata.jsonl": text})
    with pytest.raises(ValueError, match=r"of b/3\.png must be 1 finite numbers, got \[1\.0, 1"):
        data.load(f"folder:{root}", condition=("pose",))


def test_arrays_that_do_not_fit_are_refused(tmp_path):
    x = np.arange(48, dtype=np.uint8).reshape(3, 4, 4)
    arrays = {"x": x, "nan": [0.0, np.nan, 1.0], "short": [1.0, 2.0], "maps": np.ones((3, 2, 2))}
    np.savez(tmp_path / "x.npz", **arrays, text=["a", "b", "c"])
    for name, message in {
        "nan": r"x\.npz: 'nan' of sample 1 must be a finite number, got .*nan",
        "text": "'text' of sample 0",
        "short": "one row per sample",
        "maps": "one list of numbers per sample",
        "x": "no column 'x'",
    }.items():
        with pytest.raises(ValueError, match=message):
            data.load(f"npz:{tmp_path}/x.npz@x", condition=(name,))


def test_other_kinds_of_data_refuse_attributes(tmp_path):
    for spec in ("digits", f"idx:{tmp_path}", f"pairs:{tmp_path},{tmp_path}", "tfds:mnist"):
        with pytest.raises(ValueError, match=r"attributes, which data .* cannot have"):
            data.load(spec, condition=("age",))
    with pytest.raises(ValueError, match=r"put a metadata\.csv beside the images"):
        data.load(f"folder:{write_folder(tmp_path, {})}", condition=("age",))
    with pytest.raises(ValueError, match="names the column 'age' twice"):
        data.load(
            f"folder:{write_folder(tmp_path, {'metadata.csv': CSV})}", condition=("age", "age")
        )


def test_the_summary_has_the_ranges_of_attributes(tmp_path):
    root = write_folder(tmp_path, {"metadata.csv": CSV})
    for max_bytes in (0, 2**20):
        found = data.load(f"folder:{root}", condition=("age", "smiling"), max_bytes=max_bytes)
        assert summary(found).startswith("3 images 4x4x1, age 4..97, smiling -1..1")


def test_large_attributes_get_a_warning(tmp_path):
    root = write_folder(tmp_path, {"metadata.csv": CSV})
    found = data.load(f"folder:{root}", condition=("age", "smiling"), max_bytes=0)
    plan = Plan(batch_size=2, model_range=(-1.0, 1.0), conditional=True)
    with pytest.warns(UserWarning, match=r"attributes reach 97 in size \(age\).*: scale them"):
        warn_of_doubts(found, plan)
    found = data.load(f"folder:{root}", condition=("smiling",), max_bytes=0)
    warn_of_doubts(found, plan)
