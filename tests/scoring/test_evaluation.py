"""Samples of any origin scored against any data: files, sizes, ranges and statistics."""

import io

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from jaxgan import data
from jaxgan.metrics import frechet_distance, intra_class_std
from jaxgan.scoring import (
    EvaluationOptions,
    Extractor,
    FeatureSet,
    evaluate_samples,
    feature_moments,
    make_extractor,
    neighbour_picture,
    read_set,
    read_statistics,
    reference,
    write_statistics,
)

FAST = EvaluationOptions(metrics=("fd",), features="pixels", errors=False)


def pictures(num, side=6, seed=0, channels=1):
    return np.random.default_rng(seed).integers(0, 256, (num, side, side, channels), np.uint8)


def png(image):
    stream = io.BytesIO()
    Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image).save(stream, "png")
    return stream.getvalue()


def write_folder(folder, images):
    folder.mkdir()
    for number, image in enumerate(images):
        (folder / f"{number:03}.png").write_bytes(png(image))
    return str(folder)


def write_parquet(file, images, **columns):
    rows = [{"bytes": png(image), "path": None} for image in images]
    pyarrow.parquet.write_table(pyarrow.table({"image": rows, **columns}), file)
    return str(file)


def save(write, file, *arrays, **named):
    write(file, *arrays, **named)
    return str(file)


@pytest.fixture
def every_kind(tmp_path):
    x = pictures(40)
    return {
        "folder": write_folder(tmp_path / "images", x),
        "npz": save(np.savez, tmp_path / "x.npz", images=x[..., 0]),
        "npy": save(np.save, tmp_path / "x.npy", x),
        "parquet": write_parquet(tmp_path / "x.parquet", x),
        "floats": save(np.save, tmp_path / "f.npy", (x[..., 0] / 127.5 - 1).astype(np.float32)),
    }


def test_the_same_images_have_the_same_score_in_every_kind_of_file(every_kind):
    real = data.from_arrays(pictures(50, seed=1))
    found = {
        kind: evaluate_samples(read_set(file, value_range=(-1.0, 1.0)), real, FAST).scores[0]
        for kind, file in every_kind.items()
    }
    assert {score.name for score in found.values()} == {"fd_pixels@40/50"}
    values = [score.value for score in found.values()]
    np.testing.assert_allclose(values, values[0], rtol=1e-4)
    flat = [x.reshape(len(x), -1) / 127.5 - 1 for x in (real.x, pictures(40))]
    assert values[0] == pytest.approx(frechet_distance(*flat), rel=1e-4)


def test_a_set_read_in_chunks_has_the_bits_of_one_read_at_once(every_kind, monkeypatch):
    records, reports = read_set(every_kind["folder"]), []
    at_once = reference.see(make_extractor("pixels", records), records, np.arange(40))
    monkeypatch.setattr(reference, "CHUNK", 15)
    found = reference.see(
        make_extractor("pixels", records), records, np.arange(40), lambda *x: reports.append(x)
    )
    np.testing.assert_array_equal(found.features.features, at_once.features.features)
    np.testing.assert_array_equal(found.numbers, np.arange(40))
    assert [(done, size) for _, done, size in reports] == [(15, 40), (30, 40), (40, 40)]


def test_labels_logits_and_spatial_features_of_chunks_are_joined(monkeypatch):
    x, labels = pictures(40), np.arange(40) % 3
    monkeypatch.setattr(reference, "CHUNK", 15)

    def run(x):
        flat = x.reshape(len(x), -1)
        return FeatureSet(flat, flat[:, :3], flat[:, 3:7])

    extractor, order = Extractor("parts", run, "", {}), np.random.default_rng(0).permutation(40)
    found = reference.see(extractor, data.from_arrays(x, labels), order).features
    flat = x[order].reshape(40, -1) / 127.5 - 1
    for part, expected in zip(found, (flat, flat[:, :3], flat[:, 3:7], labels[order]), strict=True):
        np.testing.assert_allclose(part, expected, atol=1e-6)
    assert reference.see(extractor, data.from_arrays(x), order).features.labels is None


def test_images_that_cannot_be_read_are_left_out(every_kind, tmp_path):
    records = read_set(every_kind["folder"])
    bad = tmp_path / "images" / "007.png"
    bad.write_bytes(bad.read_bytes()[:60])
    seen = reference.see(make_extractor("pixels", records), records, np.arange(10))
    np.testing.assert_array_equal(seen.numbers, [0, 1, 2, 3, 4, 5, 6, 8, 9])


def test_a_parquet_file_gives_images_and_labels(tmp_path):
    x = pictures(5, channels=3)
    file = write_parquet(tmp_path / "x.parquet", x, label=[3, 0, None, 1, 1])
    records = data.parquet_records(file)
    assert (records.shape, records.size, records.num_classes) == ((6, 6, 3), 5, 4)
    found = [records.read(number) for number in range(5)]
    np.testing.assert_array_equal([image for image, _ in found], x)
    assert [label for _, label in found] == [3, 0, None, 1, 1]


def test_images_of_several_sizes_in_a_parquet_file_need_one(tmp_path):
    images = [*pictures(2, 6), *pictures(1, 8)]
    file = write_parquet(tmp_path / "x.parquet", images)
    with pytest.raises(ValueError, match="images differ in size, such as 6x6 and 8x8"):
        data.parquet_records(file)
    assert data.parquet_records(file, size=4).read(2)[0].shape == (4, 4, 1)


def test_a_column_of_images_is_found_or_named(tmp_path):
    table = {"a": [png(x) for x in pictures(2)], "b": [png(x) for x in pictures(2, seed=1)]}
    file = tmp_path / "x.parquet"
    pyarrow.parquet.write_table(pyarrow.table(table), file)
    with pytest.raises(ValueError, match=r"name that of the images with FILE.parquet@COLUMN"):
        read_set(str(file))
    np.testing.assert_array_equal(read_set(f"{file}@b").read(1)[0], pictures(2, seed=1)[1])


# --- What does not fit together


def test_sizes_that_differ_are_named_and_a_common_one_can_be_given(tmp_path):
    small = save(np.save, tmp_path / "small.npy", pictures(30, 6))
    large = save(np.save, tmp_path / "large.npy", pictures(30, 9))
    with pytest.raises(ValueError, match=r"samples of 6x6x1, and .*large.npy of 9x9x1.* --size 6"):
        evaluate_samples(read_set(small), read_set(large), FAST)
    options = FAST._replace(resized="lanczos4x4")
    found = evaluate_samples(read_set(small, 4), read_set(large, 4), options)
    assert found.scores[0].name == "fd_pixels-lanczos4x4@30"


def test_extractors_that_resize_take_images_of_different_sizes():
    def run(x):
        return FeatureSet(x.mean(axis=(1, 2)))

    extractor = Extractor("means", run, "any", {}, any_size=True)
    options = FAST._replace(features=extractor)
    sets = [data.from_arrays(pictures(30, side)) for side in (6, 9)]
    assert evaluate_samples(*sets, options).scores[0].name == "fd_means-any@30"


@pytest.mark.parametrize(
    ("value_range", "message"),
    [(None, r"unknown: give them with --range LOW,HIGH"), ((0.0, 1.0), "outside the range")],
)
def test_floats_need_their_range(tmp_path, value_range, message):
    file = save(np.save, tmp_path / "x.npy", pictures(30).astype(np.float32) / 127.5 - 1)
    with pytest.raises(ValueError, match=message):
        evaluate_samples(read_set(file, None, value_range), data.from_arrays(pictures(30)), FAST)


def test_an_unknown_name_is_refused_with_what_there_is():
    with pytest.raises(ValueError, match=r"unknown data 'x'.* or a folder, a .npz"):
        read_set("x")


# --- Classes and copies


def test_labelled_samples_are_scored_by_their_classes():
    real, fake = pictures(60, 3), pictures(50, 3, seed=1)
    sets = [data.from_arrays(x, np.arange(len(x)) % 2) for x in (fake, real)]
    options = FAST._replace(metrics=("intra_class_std",))
    (score,) = evaluate_samples(*sets, options).scores
    flat = [x.reshape(len(x), -1) / 127.5 - 1 for x in (fake, real)]
    ratios = intra_class_std(flat[0], sets[0].labels, flat[1], sets[1].labels)
    assert score.name == "intra_class_std_pixels@50/60"
    assert score.value == pytest.approx(np.mean(ratios), rel=1e-5)
    with pytest.raises(ValueError, match=r"intra_class_std needs a generator .*with labels"):
        evaluate_samples(data.from_arrays(fake), sets[1], options)


def test_copies_among_samples_of_any_origin_are_found():
    train, held_out = pictures(60, 3), data.from_arrays(pictures(80, 3, seed=1), name="fresh")
    samples = pictures(40, 3, seed=2)
    samples[:20] = train[:20]
    options = FAST._replace(metrics=("fd", "memorisation"), held_out=held_out)
    found = evaluate_samples(data.from_arrays(samples), data.from_arrays(train), options)
    values = {score.name.partition("_pixels")[0]: score.value for score in found.scores}
    assert list(values) == ["fd", "authenticity", "copied", "copying_test"]
    assert values["authenticity"] <= 0.5  # at least the copies are nearer than a neighbour
    assert values["copied"] == pytest.approx(0.5, abs=0.3)
    assert found.facts["held_out_data"] == "fresh"
    floats = held_out._replace(x=held_out.x.astype(np.float32), low=None, high=None)
    with pytest.raises(ValueError, match="black and white are unknown"):
        evaluate_samples(
            data.from_arrays(samples), data.from_arrays(train), options._replace(held_out=floats)
        )


# --- Statistics


def test_statistics_are_those_of_numpy_and_give_the_distance_of_the_features(tmp_path):
    real, fake = pictures(60, 3), data.from_arrays(pictures(50, 3, seed=1))
    extractor, file = make_extractor("pixels", fake), tmp_path / "real.npz"
    write_statistics(file, feature_moments(extractor, data.from_arrays(real)), extractor)
    flat = real.reshape(60, -1) / 127.5 - 1
    with np.load(file) as archive:  # as pytorch-fid reads it
        np.testing.assert_allclose(archive["mu"], flat.mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(archive["sigma"], np.cov(flat, rowvar=False), atol=1e-6)
        assert archive["mu"].dtype == archive["sigma"].dtype == np.float64
    against = evaluate_samples(fake, read_set(str(file)), FAST)
    direct = evaluate_samples(fake, data.from_arrays(real), FAST)
    assert against.scores[0].name == direct.scores[0].name == "fd_pixels@50/60"
    assert against.scores[0].value == pytest.approx(direct.scores[0].value, rel=1e-9)
    assert against.scores[0].baseline is None


def test_statistics_of_others_do_not_say_how_many_samples_they_have(tmp_path):
    file = save(np.savez, tmp_path / "x.npz", mu=np.zeros(9), sigma=np.eye(9))
    fake = data.from_arrays(pictures(50, 3))
    assert evaluate_samples(fake, read_statistics(tmp_path / "x.npz"), FAST).scores[0].name == (
        "fd_pixels@50/statistics"
    )
    assert read_set(file).num is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (FAST._replace(metrics=("fd", "kd")), "allow only fd, got fd, kd"),
        (FAST._replace(features=None), "give the same extractor"),
        (FAST._replace(resized="lanczos3x3"), "statistics of 4 features"),
    ],
)
def test_what_statistics_cannot_give_is_refused(tmp_path, options, message):
    np.savez(tmp_path / "x.npz", mu=np.zeros(4), sigma=np.eye(4))
    with pytest.raises(ValueError, match=message):
        evaluate_samples(
            data.from_arrays(pictures(50, 3)), read_statistics(tmp_path / "x.npz"), options
        )


def test_statistics_of_other_features_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", mu=np.zeros(9), sigma=np.eye(9), features="inception-clean299x299")
    with pytest.raises(ValueError, match="of inception-clean299x299 features, got pixels"):
        evaluate_samples(
            data.from_arrays(pictures(50, 3)), read_statistics(tmp_path / "x.npz"), FAST
        )


# --- The picture


def test_the_picture_has_the_blank_samples_last_and_real_neighbours_beside():
    x = np.rint(data.digits().x * (255 / 16)).astype(np.uint8)
    samples = data.from_arrays(np.concatenate([x[:30], np.zeros_like(x[:4])]))
    found = evaluate_samples(samples, data.from_arrays(x[30:130]), FAST._replace(metrics=("swd",)))
    grid = neighbour_picture(found.compared, num=4, nearest=2)
    tile = (grid.shape[0] - 4) // 8  # with its gap
    first = grid.shape[1] - 4 * tile  # where the samples begin, after the margin
    shown = [grid[4 + row * tile :, first:][: tile - 4, : tile - 4] for row in range(8)]
    assert all(image.max() == 0 for image in shown[4:])
    assert all(image.max() > 0 for image in shown[:4])


def test_a_picture_of_points_is_refused():
    points = data.from_arrays(np.random.default_rng(0).normal(size=(30, 2)))
    found = evaluate_samples(points, points, FAST)
    with pytest.raises(ValueError, match="a picture needs images"):
        neighbour_picture(found.compared)
