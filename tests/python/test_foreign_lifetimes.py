"""Tensors are given back once, whenever that is and whatever runs then; many round trips leave no trace."""

import contextlib
import ctypes
import gc
import os
import sys
import threading

import numpy as np
import producers
import pytest
from exchange_api import exchanging
from producers import Modern, Oldest, Producer, returning
from test_hostile import ENTRIES, ONES, Own, held

import ufunx as ux

# Fewer rounds where every instruction is watched: `make valgrind`.
FEWER = int(os.environ.get("UFUNX_TEST_FEWER", "1"))


@pytest.fixture(autouse=True)
def everything_goes_back():
    yield
    producers.assert_all_given_back()


# --- Deleters ---


@pytest.fixture
def unraisable(monkeypatch):
    """What is raised where nobody can catch it."""
    caught = []
    monkeypatch.setattr(sys, "unraisablehook", lambda hooked: caught.append(hooked.exc_type))
    return caught


def raises():
    raise Own("in a deleter")


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if entry not in ("out", "at", "where")])
@pytest.mark.parametrize("form", [Modern, Oldest])
def test_a_deleter_that_raises(unraisable, entry, form):
    producer = Producer(ONES, versioned=form is Modern, deleter=raises)
    result = ENTRIES[entry](form(producer))
    assert result is not None
    del result
    assert producer.made == producer.deleted == len(unraisable) > 0
    assert set(unraisable) == {Own}


LEAVES_AN_ERROR = ctypes.cast(ctypes.pythonapi.PyErr_NoMemory, ctypes.c_void_p).value


def test_a_deleter_that_leaves_an_error_behind(unraisable):
    """It must not be taken for one of what runs next, nor take the place of one under way."""
    producer = Producer(ONES, deleter=LEAVES_AN_ERROR)
    result = ux.from_dlpack(Modern(producer))
    del result
    assert ux.exp(Modern(producer)).size == 6
    assert unraisable == [MemoryError] * 2
    with pytest.raises(BufferError, match="cuda"):
        ux.exp(Modern(Producer(ONES, deleter=LEAVES_AN_ERROR, device=(2, 0))))
    with pytest.raises(ValueError, match="broadcast"):
        ux.add(Modern(producer), np.ones(5))


def test_a_deleter_that_calls_us():
    results = []
    producer = Producer(ONES, deleter=lambda: results.append(ux.add(Modern(other), 1).sum()))
    other = Producer(ONES)
    for _ in range(10):
        ux.exp(Modern(producer))
    assert results == [12.0] * 10
    assert other.made == other.deleted == 10


# --- At a bad time ---


def test_a_producer_that_calls_us():
    class Nested(Modern):
        depth = 0

        def __dlpack__(self, **keywords):
            if self.depth < 20:
                self.depth += 1
                assert ux.add(self, 1).tolist() == [2.0] * 6
            return super().__dlpack__(**keywords)

    obj = Nested(ONES)
    assert ux.add(obj, obj).tolist() == [2.0] * 6


def test_a_producer_that_changes_its_answer():
    """Each call asks anew."""

    class Changes(Modern):
        def __dlpack__(self, **keywords):
            self.producer = Producer(np.ones(len(self.asked) + 1))
            return super().__dlpack__(**keywords)

    obj = Changes(ONES)
    assert [ux.exp(obj).size for _ in range(5)] == [1, 2, 3, 4, 5]


def test_a_producer_that_frees_its_arguments():
    """What it can reach of the call is the call's."""
    out = [np.zeros(6)]

    class Frees(Modern):
        def __dlpack__(self, **keywords):
            out.clear()
            gc.collect()
            return super().__dlpack__(**keywords)

    for _ in range(3):
        out[:] = [np.zeros(6)]
        assert ux.add(Frees(ONES), 1, out=out[0]).tolist() == [2.0] * 6


def test_a_cast_that_fails_halfway():
    """An error of the call itself gives every tensor back."""
    producer = Producer(ONES)
    for call in (
        lambda obj: ux.add(obj, np.ones(5)),
        lambda obj: ux.add(obj, obj, dtype="S3"),
        lambda obj: ux.add(obj, obj, out=np.ones(6, "i1")),
        lambda obj: ux.add(obj, 1, out=(obj, obj)),
        lambda obj: ux.left_shift(obj, obj),
        lambda obj: ux.add(obj, 1, bogus=obj),
        lambda obj: ux.add.reduce(obj, axis=7),
        lambda obj: ux.add.reduceat(obj, [7]),
        lambda obj: ux.add.at(obj, [7], 1),
        lambda obj: ux.add(obj, object()),
    ):
        with pytest.raises(Exception):  # noqa: B017
            call(Modern(producer))
    assert producer.made == producer.deleted


def test_threads():
    """Many at a time over the same memory: each tensor goes back once."""
    producer, shared = Producer(np.ones(10_000)), exchanging()(np.ones(1000))
    failures = []

    def work():
        try:
            for _ in range(100 // FEWER):
                obj = Modern(producer)
                assert ux.add(obj, obj).sum() == 20_000
                assert ux.from_dlpack(obj).size == 10_000
                assert ux.add.reduce(shared).producer.array == 1000
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    assert failures == []
    assert producer.made == producer.deleted >= 8 * 2 * (100 // FEWER)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_fork():
    """Both processes have the array and each lets it go."""
    producer = Producer(np.ones(100_000))
    imported = ux.from_dlpack(Modern(producer))
    ux.add(Modern(producer), 1)
    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(BaseException):
            assert ux.add(imported, Modern(producer)).sum() == 200_000
            del imported
            gc.collect()
            assert producer.made == producer.deleted == 3
            status = 0
        os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert (producer.made, producer.deleted) == (2, 1)
    del imported
    assert producer.deleted == 2


# --- Round trips ---


def memory():
    """Pages of address space, and of it in memory."""
    with open("/proc/self/statm") as file:
        return [int(word) for word in file.read().split()[:2]]


def bad(call):
    with contextlib.suppress(BufferError, TypeError):
        call()


ROUND, TARGET = np.ones(10, "f4"), np.ones(10, "f4")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="there is no /proc")
def test_a_class_that_changes():
    """What is known of a class is found out anew, and what was known is let go."""
    obj = exchanging()(ROUND)
    for _ in range(1000):
        ux.add(obj, 1, out=TARGET)
    before, taken = memory(), type(obj).taken
    for _ in range(50_000 // FEWER):
        ux.add(obj, 1, out=TARGET)
        obj.producer.deleted_by.clear()  # the notes that the test's own producer takes
    assert type(obj).taken - taken == 50_000 // FEWER
    assert all(now - then <= 256 for now, then in zip(memory(), before, strict=True))


def trips():
    """Every kind of round trip with how often it is made, and the objects on the way."""
    exchange = exchanging()
    lent, out = exchange(ROUND), exchange(np.zeros(10, "f4"))
    halves = Modern(Producer(np.zeros(10, "u2"), dtype=(4, 16)))
    mini = ux.from_dlpack(halves)
    wrong, silent = Modern(Producer(ROUND, shape=(-1,))), returning(None)
    objects = ROUND, lent, out, halves, mini, wrong, silent
    return objects, (
        (40, lambda: ux.from_dlpack(ROUND)),
        (20, lambda: np.from_dlpack(ux.from_dlpack(ROUND))),
        (20, lambda: ux.from_dlpack(mini)),
        (20, lambda: ux.add(mini, mini)),
        (5, lambda: ux.add(lent, 1, out=TARGET)),
        (3, lambda: ux.exp(lent)),
        (5, lambda: ux.add(ROUND, 1, out=out)),
        (5, lambda: ux.exp(Modern(ROUND))),
        (3, lambda: ux.add(Oldest(Producer(ROUND, versioned=False)), 1)),
        (4, lambda: bad(lambda: ux.exp(wrong))),
        (5, lambda: bad(lambda: ux.from_dlpack(silent))),
    )


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="there is no /proc")
def test_100_000_round_trips():
    """Every kind of trip; references, blocks and address space are as they were."""
    objects, kinds = trips()

    def run(rounds):
        for times, trip in kinds:
            for _ in range(times * rounds):
                trip()
        for obj in objects:  # they remember what they were asked
            if isinstance(obj, Modern):
                obj.asked.clear()
                obj.producer.deleted_by.clear()

    assert sum(times for times, _ in kinds) == 130
    run(100 // FEWER)
    gc.collect()
    before, blocks, start = held(*objects), sys.getallocatedblocks(), memory()
    run(800 // FEWER)
    gc.collect()
    assert held(*objects) == before
    assert sys.getallocatedblocks() - blocks < 500
    # A megabyte of each: less than eleven bytes a trip.
    assert all(now - then <= 256 for now, then in zip(memory(), start, strict=True))
