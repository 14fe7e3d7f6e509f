import functools
import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from jaxgan import data

SIZE = 23
SEED = (5, 7)


def images(dtype=np.uint8):
    return np.random.default_rng(0).integers(0, 256, (SIZE, 3, 4, 1)).astype(dtype)


def read_row(x, labels, bad, number):
    if number in bad:
        raise ValueError(f"row {number} is bad")
    return x[number], None if labels is None else labels[number]


def make_records(bad=(), labelled=True, x=None):
    x = images() if x is None else x
    labels = (np.arange(SIZE) % 4).tolist() if labelled else None
    return data.Records(
        functools.partial(read_row, x, labels, frozenset(bad)),
        size=SIZE,
        shape=x.shape[1:],
        dtype=x.dtype,
        num_classes=4 if labelled else None,
        low=0.0,
        high=255.0,
        name="rows",
    )


def indices(first_batch, num_batches, batch_size):
    return data.batch_indices(SEED, first_batch, num_batches, batch_size, SIZE)


def as_lists(batches):
    return [(b.x.tolist(), None if b.condition is None else b.condition.tolist()) for b in batches]


# ---- order ----


@pytest.mark.parametrize("batch_size", [1, 8, 60])
def test_streamed_batches_are_those_of_data_in_memory(batch_size):
    batches = list(data.stream(make_records(), SEED, 2, 5, batch_size))
    numbers = indices(2, 5, batch_size)
    np.testing.assert_array_equal(np.stack([b.x for b in batches]), images()[numbers])
    np.testing.assert_array_equal(np.stack([b.condition for b in batches]), numbers % 4)
    assert {(str(b.x.dtype), str(b.condition.dtype), b.bad) for b in batches} == {
        ("uint8", "int32", ())
    }


def test_streamed_floats_without_labels_stay_what_they_are():
    records = make_records(labelled=False, x=images(np.float32))
    (batch,) = data.stream(records, SEED, 0, 1, 8)
    assert batch.x.dtype == np.float32
    assert batch.condition is None


def test_a_stream_without_end_goes_on_where_any_batch_starts():
    whole = as_lists(data.stream(make_records(), SEED, 0, 12, 8))
    for first in (0, 5):
        with_end = as_lists(data.stream(make_records(), SEED, first, 12 - first, 8))
        endless = data.stream(make_records(), SEED, first, None, 8)
        assert with_end == as_lists(itertools.islice(endless, 12 - first)) == whole[first:]
        endless.close()


def test_slices_of_two_processes_make_up_the_batch():
    whole = data.stream(make_records(), SEED, 3, 4, 8)
    parts = (
        data.stream(make_records(), SEED, 3, 4, 8, stop=3),
        data.stream(make_records(), SEED, 3, 4, 8, start=3, stop=8),
    )
    for batch, left, right in zip(whole, *parts, strict=True):
        assert len(left.x) == 3
        np.testing.assert_array_equal(np.concatenate([left.x, right.x]), batch.x)
        np.testing.assert_array_equal(
            np.concatenate([left.condition, right.condition]), batch.condition
        )


# ---- bad records ----


def test_a_bad_record_is_replaced_by_the_next_one_and_told_once():
    bad = (4, 5, SIZE - 1)
    batches = list(data.stream(make_records(bad), SEED, 0, 9, 8, max_bad_fraction=0.2))
    replaced = indices(0, 9, 8)
    replaced[(replaced == 4) | (replaced == 5)] = 6
    replaced[replaced == SIZE - 1] = 0
    np.testing.assert_array_equal(np.stack([b.x for b in batches]), images()[replaced])
    told = [message for b in batches for message in b.bad]
    assert sorted(told) == ["row 22 is bad", "row 4 is bad", "row 5 is bad"]
    first = next(t for t, row in enumerate(indices(0, 9, 8)) if SIZE - 1 in row)
    assert "row 22 is bad" in batches[first].bad


def test_more_bad_records_than_the_share_are_refused_when_they_are_met():
    met, good = set(), 0
    for number in indices(0, SIZE, 1)[:, 0].tolist():
        met |= set(range(number, 4)) if number in (1, 2, 3) else set()  # the next ones stand in
        if len(met) > 2:
            break
        good += 1
    batches = data.stream(make_records((1, 2, 3)), SEED, 0, None, 1, max_bad_fraction=2 / SIZE)
    assert len(list(itertools.islice(batches, good))) == good
    message = (
        r"rows: 3 of 23 records \(13\.04%\) so far .*max_bad_fraction=0\.08.*\n  row \d is bad\n"
    )
    with pytest.raises(ValueError, match=message):
        next(batches)


def test_a_share_of_zero_refuses_the_first_bad_record():
    with pytest.raises(ValueError, match=r"rows: 1 of 23 records .*\n  row 7 is bad$"):
        list(data.stream(make_records((7,)), SEED, 0, 9, 8, max_bad_fraction=0))


def test_a_share_that_is_met_exactly_is_allowed():
    assert len(list(data.stream(make_records((7,)), SEED, 0, 9, 8, max_bad_fraction=1 / SIZE))) == 9


@pytest.mark.parametrize("share", [0.01, 1.0])
def test_records_that_are_all_bad_end_the_stream(share):
    with pytest.raises(ValueError, match=r"of 23 records"):
        next(data.stream(make_records(range(SIZE)), SEED, 0, None, 8, max_bad_fraction=share))


@pytest.mark.parametrize(
    ("x", "label", "message"),
    [
        (np.zeros((3, 4), np.float32), 0, r"rows: record 0 has shape \(3, 4\) and dtype float32"),
        (np.zeros((3, 4, 1), np.uint8), 0, r"dtype uint8, expected \(3, 4, 1\) and float32"),
        (np.full((3, 4, 1), np.nan, np.float32), 0, "rows: record 0 holds NaN or infinity"),
        (np.zeros((3, 4, 1), np.float32), 4, r"has label 4, expected -1\.\.3"),
    ],
)
def test_samples_that_are_not_as_promised_are_bad(x, label, message):
    records = make_records(x=images(np.float32))._replace(read=lambda number: (x, label))
    for read in (data.decode, lambda records: next(data.stream(records, SEED, 0, 1, 1))):
        with pytest.raises(ValueError, match=message.replace("record 0", r"record \d+")):
            read(records)


def test_a_sample_without_a_label_among_labelled_ones_is_unlabelled():
    records = make_records()._replace(read=lambda number: (images()[number], None))
    assert next(data.stream(records, SEED, 0, 1, 4)).condition.tolist() == [-1] * 4
    assert data.decode(records).condition.tolist() == [-1] * SIZE


# ---- arguments ----


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"first_batch": -1}, "first_batch must be 0 or more, got -1"),
        ({"num_batches": 0}, "num_batches must be 1 or more, or None for no end, got 0"),
        ({"num_batches": -3}, "num_batches must be 1 or more, or None for no end, got -3"),
        ({"batch_size": 0}, "batch_size must be 1 or more, got 0"),
        ({"start": 4, "stop": 4}, r"rows of a batch of 8, got 4\.\.4"),
        ({"stop": 9}, r"rows of a batch of 8, got 0\.\.9"),
        ({"workers": -1}, "workers must be 0 or more, got -1"),
        ({"max_bad_fraction": 1.5}, r"max_bad_fraction must lie in 0\.\.1, got 1\.5"),
    ],
)
def test_arguments_out_of_range_are_refused_at_once(arguments, message):
    good = {"first_batch": 0, "num_batches": 1, "batch_size": 8}
    with pytest.raises(ValueError, match=message):
        data.stream(make_records(), SEED, **(good | arguments))


# ---- workers ----


@pytest.mark.slow
def test_workers_give_the_same_batches_and_end_with_the_stream():
    records, options = make_records((4, 5, 9)), {"start": 1, "stop": 7, "max_bad_fraction": 0.2}
    here = itertools.islice(data.stream(records, SEED, 3, None, 8, **options), 7)
    batches = data.stream(records, SEED, 3, None, 8, workers=2, **options)
    for expected, batch in zip(here, batches, strict=False):
        np.testing.assert_array_equal(batch.x, expected.x)
        np.testing.assert_array_equal(batch.condition, expected.condition)
        assert batch.bad == expected.bad
    assert len(multiprocessing.active_children()) == 2
    batches.close()
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_workers_refuse_what_this_process_refuses():
    def refusal(workers):
        with pytest.raises(ValueError, match="is bad") as error:
            list(data.stream(make_records((4, 9)), SEED, 0, None, 8, workers=workers))
        return str(error.value)

    assert refusal(1) == refusal(0)
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_a_worker_that_dies_is_told():
    batches = data.stream(make_records(), SEED, 0, None, 8, workers=1)
    next(batches)
    (worker,) = multiprocessing.active_children()
    worker.kill()
    with pytest.raises(ChildProcessError, match="rows: a process that reads records ended unasked"):
        list(batches)


STREAMING = textwrap.dedent(
    """
    import multiprocessing, os, sys, time
    sys.path.insert(0, sys.argv[1])
    from test_streaming import SEED, make_records
    from jaxgan import data

    if __name__ == "__main__":
        batches = data.stream(make_records(), SEED, 0, None, 8, workers=1)
        next(batches)
        print(*(child.pid for child in multiprocessing.active_children()), flush=True)
        time.sleep(120)
    """
)


@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed(tmp_path):
    (tmp_path / "script.py").write_text(STREAMING)
    command = [sys.executable, tmp_path / "script.py", Path(__file__).parent]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as script:
        worker = int(script.stdout.readline())
        script.kill()
        try:
            # the worker has the same standard output: it comes to its end only with the worker
            assert script.communicate(timeout=30)[0] == b""
        except subprocess.TimeoutExpired:
            os.kill(worker, signal.SIGKILL)
            raise


# ---- prefetching ----


def test_prefetch_puts_so_many_items_ahead_and_keeps_the_order():
    put = []
    items = data.prefetch(iter(range(6)), lambda item: put.append(item) or -item, size=2)
    assert put == []
    assert next(items) == 0
    assert put == [0, 1, 2]
    assert list(items) == [-1, -2, -3, -4, -5]


@pytest.mark.parametrize("size", [0, 1, 9])
def test_prefetch_hands_on_every_item(size):
    assert list(data.prefetch(iter("abc"), str.upper, size)) == ["A", "B", "C"]


def test_prefetch_raises_an_error_after_the_items_before_it():
    def failing():
        yield from (1, 2, 3)
        raise ValueError("no more")

    items = data.prefetch(failing(), lambda item: item)
    assert [next(items) for _ in range(3)] == [1, 2, 3]
    with pytest.raises(ValueError, match="no more"):
        next(items)
    items = data.prefetch(iter([1, 2, 0, 4]), lambda item: 1 // item)
    assert [next(items), next(items)] == [1, 0]
    with pytest.raises(ZeroDivisionError):
        next(items)


def test_closing_prefetch_closes_what_it_reads():
    closed = []

    def endless():
        try:
            yield from itertools.count()
        finally:
            closed.append(True)

    source = endless()  # held here, so that nobody else closes it
    items = data.prefetch(source, lambda item: item)
    next(items)
    items.close()
    assert closed == [True]
    with pytest.raises(ValueError, match="size must be 0 or more, got -1"):
        data.prefetch(iter([]), str, -1)


# ---- decoding ----


def test_decode_gives_all_records_in_their_order():
    dataset = data.decode(make_records())
    np.testing.assert_array_equal(dataset.x, images())
    np.testing.assert_array_equal(dataset.condition, np.arange(SIZE) % 4)
    assert (dataset.x.dtype, dataset.condition.dtype) == (np.uint8, np.int32)
    assert (dataset.low, dataset.high, dataset.name, dataset.bad) == (0.0, 255.0, "rows", ())
    assert data.decode(make_records(labelled=False)).condition is None


@pytest.mark.parametrize("bad", [(0,), (4, 5, 9), (SIZE - 2, SIZE - 1)])
def test_decode_leaves_bad_records_out_and_names_them(bad):
    dataset = data.decode(make_records(bad), max_bad_fraction=0.2)
    kept = np.setdiff1d(np.arange(SIZE), bad)
    np.testing.assert_array_equal(dataset.x, images()[kept])
    np.testing.assert_array_equal(dataset.condition, kept % 4)
    assert dataset.bad == tuple(f"row {number} is bad" for number in bad)


def test_decode_refuses_more_bad_records_than_the_share():
    records = make_records((2, 5, 9, 11))
    message = (
        r"rows: 3 of 23 records \(13\.04%\) so far cannot be read, and max_bad_fraction=0\.1 is "
        r"the limit:\n  row 2 is bad\n  row 5 is bad\n  row 9 is bad$"
    )
    with pytest.raises(ValueError, match=message):
        data.decode(records, max_bad_fraction=0.1)
    with pytest.raises(ValueError, match=r"max_bad_fraction=0 is the limit:\n  row 7 is bad$"):
        data.decode(make_records((7,)), max_bad_fraction=0)
    with pytest.raises(ValueError, match=r"max_bad_fraction must lie in 0\.\.1, got -0\.1"):
        data.decode(records, max_bad_fraction=-0.1)


def test_decode_refuses_sets_of_which_too_little_is_left():
    with pytest.raises(ValueError, match=r"rows: 23 of 23 records"):
        data.decode(make_records(range(SIZE)), max_bad_fraction=1)
    with pytest.raises(ValueError, match="rows: needs at least 2 samples, got 1"):
        data.decode(make_records(range(1, SIZE)), max_bad_fraction=1)


def test_a_refusal_shows_the_first_bad_records_and_counts_the_rest():
    message = r"5 of 23 .*limit:\n  row 2 is bad\n  row 3 is bad\n  row 4 is bad\n  and 2 more$"
    with pytest.raises(ValueError, match=message):
        data.decode(make_records(range(2, 9)), max_bad_fraction=4 / SIZE)
