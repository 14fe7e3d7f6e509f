import gzip
import hashlib
import io
import shutil
import struct
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
import tensorflow_datasets as tfds
from arrays import random_image, rng
from paths import SHARED
from PIL import Image
from tensorflow_datasets.core import constants, registered
from tensorflow_datasets.core.download import resource
from tensorflow_datasets.core.download.checksums import UrlInfo

from jaxgan import data
from jaxgan.data import tfds_prepare

MNIST = SHARED / "mnist"


# ---- MNIST and its likes, prepared here ----


def idx_bytes(array):
    header = struct.pack(f">{1 + array.ndim}I", 0x800 | array.ndim, *array.shape)
    return gzip.compress(header + array.tobytes(), mtime=0)


def info_of(file):
    content = file.read_bytes()
    checksum = hashlib.sha256(content).hexdigest()
    return UrlInfo(size=len(content), checksum=checksum, filename=file.name)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """TFDS's default folder for data."""
    monkeypatch.setattr(constants, "DATA_DIR", str(tmp_path / "tfds"))
    return tmp_path / "tfds"


@pytest.fixture
def mnist(tmp_path, monkeypatch, place):
    """Files of a few images that TFDS takes for those of a data set, and what they hold."""

    def make(name="mnist"):
        manual = tmp_path / f"manual_{name}"
        manual.mkdir()
        builder = getattr(tfds.image_classification, tfds_prepare.IDX_DATA[name])
        contents, infos = {}, {}
        for split, stem, count in (("train", "train", 70), ("test", "t10k", 3)):
            images = random_image(count, 28, 28)
            labels = rng().integers(0, 10, count, dtype=np.uint8)
            contents[split] = images[..., None], labels
            for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
                file = manual / f"{stem}-{kind}-ubyte.gz"
                file.write_bytes(idx_bytes(array))
                infos[builder.URL + file.name] = info_of(file)
        monkeypatch.setattr(builder, "url_infos", infos)
        return manual, contents

    return make


def no_network(request, timeout):
    raise urllib.error.URLError("no route to any host")


def assert_same_samples(samples, images, labels):
    def sorted_hashes(pairs):
        return sorted(hashlib.sha256(x.tobytes() + bytes([y])).digest() for x, y in pairs)

    hashes = sorted_hashes(samples)
    assert hashes == sorted_hashes(zip(images, labels, strict=True))
    assert len(hashes) == len(images)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "kmnist"])
def test_mnist_and_its_likes_are_prepared_from_files(mnist, place, name, capsys):
    manual, contents = mnist(name)
    assert not place.exists()
    for split, (images, labels) in contents.items():
        records = data.load(f"tfds:{name}:{split}", tfds_manual_dir=manual, max_bytes=0)
        assert isinstance(records, data.Records)
        assert (records.size, records.shape, records.num_classes) == (len(images), (28, 28, 1), 10)
        assert_same_samples(map(records.read, range(records.size)), images, labels)
    assert records.name == f"tfds:{name}:test"
    assert (place / name / "3.0.1" / "dataset_info.json").is_file()
    assert capsys.readouterr().out == ""


def test_stock_tfds_reads_what_was_prepared_here(mnist, place):
    manual, contents = mnist()
    data.tfds_source("mnist", manual_dir=manual)
    builder = tfds.builder("mnist", data_dir=place)
    assert builder.is_prepared()
    assert builder.info.file_format.value == "array_record"
    assert (
        "tensorflow_datasets.image_classification.mnist"
        in (place / "mnist" / "3.0.1" / "dataset_info.json").read_text()
    )
    for split, (images, labels) in contents.items():
        stock = tfds.data_source("mnist", split=split, data_dir=place, download=False)
        assert_same_samples(((x["image"], int(x["label"])) for x in stock), images, labels)


def test_second_start_uses_what_is_prepared(mnist, place, monkeypatch):
    manual, _ = mnist()
    first = data.tfds_source("mnist", manual_dir=manual)
    shutil.rmtree(manual)
    monkeypatch.setattr(tfds_prepare, "_builder", None)  # would be called first
    second = data.tfds_source("mnist", manual_dir=manual)
    np.testing.assert_array_equal(first.read(5)[0], second.read(5)[0])


def test_two_starts_at_once_prepare_once(mnist, place, monkeypatch):
    manual, _ = mnist()
    calls, prepare = [], tfds_prepare._download_and_prepare
    both_wait = threading.Barrier(2)
    builder = tfds_prepare._builder

    def build(*args):
        both_wait.wait(timeout=30)  # both have found nothing prepared
        return builder(*args)

    def count(*args):
        calls.append(args)
        prepare(*args)

    monkeypatch.setattr(tfds_prepare, "_builder", build)
    monkeypatch.setattr(tfds_prepare, "_download_and_prepare", count)
    sizes = []
    threads = [
        threading.Thread(
            target=lambda: sizes.append(data.tfds_source("mnist", manual_dir=manual).size)
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes == [70, 70]
    assert len(calls) == 1


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_interrupted_preparation_leaves_nothing_to_be_taken(mnist, place, monkeypatch, stop):
    manual, contents = mnist()
    generate = tfds_prepare._IdxFiles._generate_examples

    def cut_short(self, num_examples, data_path, label_path):
        for number, example in generate(self, num_examples, data_path, label_path):
            if number == 50:
                raise stop("pulled out")
            yield number, example

    with monkeypatch.context() as patch:
        patch.setattr(tfds_prepare._IdxFiles, "_generate_examples", cut_short)
        with pytest.raises(stop):
            data.tfds_source("mnist", manual_dir=manual)
    assert list((place / "mnist").iterdir()) == []
    records = data.tfds_source("mnist", manual_dir=manual)
    assert_same_samples(map(records.read, range(70)), *contents["train"])


def test_remains_of_a_killed_preparation_are_not_taken(mnist, place):
    manual, _ = mnist()
    data.tfds_source("mnist", manual_dir=manual)
    folder = place / "mnist" / "3.0.1"
    folder.rename(place / "mnist" / "incomplete.ABC123_3.0.1")  # complete, but not renamed yet
    shutil.rmtree(manual)
    with pytest.raises(FileNotFoundError, match=f"no directory {manual}, given for tfds:mnist"):
        data.tfds_source("mnist", manual_dir=manual)


def test_wrong_file_is_named_with_what_was_found_and_wanted(mnist, place):
    manual, _ = mnist()
    file = manual / "t10k-labels-idx1-ubyte.gz"
    wanted = info_of(file)
    file.write_bytes(b"something else")
    found = info_of(file)
    match = (
        f"{file} is not the file that tfds:mnist needs: it has 14 bytes with SHA-256 "
        f"{found.checksum}, expected {wanted.size} bytes with {wanted.checksum}"
    )
    with pytest.raises(ValueError, match=match):
        data.tfds_source("mnist", manual_dir=manual)
    assert not (place / "mnist").exists()


def test_without_network_the_error_says_what_was_tried_and_what_helps(mnist, place, monkeypatch):
    manual, _ = mnist()
    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    monkeypatch.setattr(tfds_prepare, "_download_and_prepare", None)  # would take minutes
    match = (
        f"tfds:mnist is not prepared in {place}; tried to download https://storage.*gz, but its "
        "host cannot be reached .*no route to any host.*folder that holds train-images-idx3-ubyte"
        ".gz, .*--tfds-manual-dir .* machine with a network"
    )
    with pytest.raises(ConnectionError, match=match):
        data.load("tfds:mnist")
    (manual / "train-images-idx3-ubyte.gz").unlink()
    match = f"not all of its files are in {manual}; .*folder that holds train-images[^ ]*.gz with"
    with pytest.raises(ConnectionError, match=match):
        data.load("tfds:mnist", tfds_manual_dir=manual)


def test_files_downloaded_before_need_no_network(mnist, place, monkeypatch):
    manual, contents = mnist()
    downloads = place / "downloads" / "mnist"
    downloads.mkdir(parents=True)
    for url, info in tfds.image_classification.MNIST.url_infos.items():
        file = downloads / resource.get_dl_fname(url, info.checksum)
        shutil.copy(manual / info.filename, file)
        resource.write_info_file(
            url=url, path=file, dataset_name="mnist", original_fname=info.filename, url_info=info
        )
    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    records = data.tfds_source("mnist", "test")
    assert_same_samples(map(records.read, range(3)), *contents["test"])


class Refuses(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_error(403)

    def log_message(self, *args):
        pass


@pytest.fixture
def refusing_url(monkeypatch):
    """Of a host that answers each request with an error."""
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with HTTPServer(("127.0.0.1", 0), Refuses) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/file"
        server.shutdown()
        thread.join()


def test_an_error_is_an_answer_and_a_closed_port_is_none(refusing_url):
    assert tfds_prepare.why_unreachable([refusing_url]) is None
    closed = "http://127.0.0.1:1/file"
    assert tfds_prepare.why_unreachable([closed, refusing_url]) is None
    assert "its host cannot be reached" in tfds_prepare.why_unreachable([closed])


def test_search_for_a_host_that_hangs_is_given_up_and_one_answer_is_enough(monkeypatch):
    released = threading.Event()

    def hang_but_here(request, timeout):
        if request.host == "here":
            return io.BytesIO()
        released.wait()
        raise urllib.error.URLError("late")

    monkeypatch.setattr(urllib.request, "urlopen", hang_but_here)
    reason = tfds_prepare.why_unreachable(["http://nowhere/file"], seconds=0.05)
    one_answers = tfds_prepare.why_unreachable(["http://nowhere/file", "http://here/file"])
    released.set()
    assert reason == "there was no answer in 0.1 seconds"
    assert one_answers is None


# ---- Other data sets, prepared by TFDS's own builders ----


def test_without_tensorflow_the_error_names_what_to_install(place, monkeypatch):
    monkeypatch.setattr(tfds_prepare, "has_tensorflow", lambda: False)
    match = r"tfds:cifar10 is not prepared.*needs TensorFlow: pip install 'jaxgan\[tensorflow\]'"
    with pytest.raises(ValueError, match=match):
        data.load("tfds:cifar10")


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("cifra10", r"TFDS has no dataset 'cifra10'\. Did you mean 'cifar10'\?$"),
        ("zzzzzzzz", r"TFDS has no dataset 'zzzzzzzz'\.$"),
        ("mnist:9.9.9", "cannot prepare tfds:mnist:9.9.9: .*only: 3.0.1"),
        ("mnist/big", "tfds:mnist has no config 'big'; it has none"),
        ("emnist/small", "tfds:emnist has no config 'small'; it has byclass, bymerge"),
    ],
)
def test_unknown_names_versions_and_configs_are_rejected(place, monkeypatch, name, match):
    monkeypatch.setattr(tfds_prepare, "has_tensorflow", lambda: True)
    with pytest.raises(ValueError, match=match):
        data.load(f"tfds:{name}")


class FromFolder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A builder that needs files of the user's, and no TensorFlow."""

    VERSION = tfds.core.Version("2.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Put grey.png there."

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict({"image": tfds.features.Image(shape=(2, 2, 1))}),
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(dl_manager.manual_dir / "grey.png")}

    def _generate_examples(self, file):
        yield 0, {"image": file.read_bytes()}


def test_stock_builder_gets_the_folder_and_writes_array_record(place, tmp_path, monkeypatch):
    monkeypatch.setitem(registered._DATASET_REGISTRY, "from_folder", FromFolder)
    monkeypatch.setattr(tfds_prepare, "has_tensorflow", lambda: True)
    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    match = "cannot prepare tfds:from_folder: Manual directory .*\n.*Put grey.png there"
    with pytest.raises(ValueError, match=match):
        data.load("tfds:from_folder")
    Image.new("L", (2, 2), 77).save(tmp_path / "grey.png")
    records = data.load("tfds:from_folder", tfds_manual_dir=tmp_path, max_bytes=0)
    np.testing.assert_array_equal(records.read(0)[0], np.full((2, 2, 1), 77))
    assert list((place / "from_folder" / "2.0.0").glob("*array_record*"))


def test_host_of_a_stock_builder_is_tried_before_tfds_tries_it(place, monkeypatch):
    monkeypatch.setattr(tfds_prepare, "has_tensorflow", lambda: True)
    monkeypatch.setattr(tfds_prepare, "_download_and_prepare", None)  # would take minutes
    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    with pytest.raises(ConnectionError, match=r"tfds:cifar10 .*toronto.edu.*no route"):
        data.load("tfds:cifar10")


# ---- The real thing ----


@pytest.mark.slow
@pytest.mark.skipif(not MNIST.is_dir(), reason="MNIST's files are not there")
def test_real_mnist_is_the_same_set_as_its_files(place):
    for split in ("train", "test"):
        records = data.load(f"tfds:mnist:{split}", tfds_manual_dir=MNIST, max_bytes=0)
        expected = data.idx(MNIST, split)
        assert_same_samples(map(records.read, range(records.size)), expected.x, expected.condition)
