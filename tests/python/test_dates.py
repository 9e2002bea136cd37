"""Moments and spans of time: NumPy's values, units, warnings and errors, on our loops."""

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ufunx as ux

rng = np.random.default_rng(11)


def dates(dtype: str, n: int = 40, most: int = 10**6) -> np.ndarray:
    counts = rng.integers(-most, most, n)
    counts[rng.random(n) < 0.1] = np.iinfo(np.int64).min  # no time
    return counts.view(np.dtype(dtype)) if n else np.array([], dtype)


OPERANDS: dict[str, Any] = {
    "seconds": dates("M8[s]"),
    "days": dates("M8[D]"),
    "span of seconds": dates("m8[s]", most=50),
    "span of hours": dates("m8[h]", most=50),
    "span of no unit": dates("m8", most=50),
    "one span": np.timedelta64(7, "s"),
    "no time": np.timedelta64("NaT"),
    "moment": np.datetime64("2026-11-27T10:00:00"),
    "integers": rng.integers(-5, 5, 40),
    "small integers": rng.integers(-5, 5, 40).astype("i2"),
    "unsigned": rng.integers(0, 5, 40).astype("u8"),
    "long long": rng.integers(-5, 5, 40).astype("q"),
    "floats": np.concatenate([rng.normal(size=35), [np.nan, np.inf, 0.0, 1e300, -1e-300]]),
    "number": 3,
    "float": 2.5,
    "truths": rng.random(40) < 0.5,
    "a list": [1, 2] * 20,
}
NAMES = """
    add subtract multiply divide floor_divide remainder divmod negative positive absolute sign isnat
    isnan isinf isfinite equal not_equal less less_equal greater greater_equal maximum minimum fmax fmin
    logical_and sqrt bitwise_or
""".split()


def seen(call: Callable[..., Any], *args: Any) -> tuple[str, list[str]]:
    """What a call gives, as text: type, dtype, counts; and what it warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = call(*args)
        except Exception as error:
            return f"{type(error)} {error}", []
    parts = result if isinstance(result, tuple) else (result,)
    texts = [f"{type(p)} {np.asarray(p).dtype} {np.asarray(p).tobytes()!r} {np.shape(p)}" for p in parts]
    return " ".join(texts), sorted(str(w.message) for w in caught)


@pytest.mark.parametrize("name", NAMES)
def test_calls_are_numpys(name: str) -> None:
    ours, twin = getattr(ux, name), getattr(np, name)
    for pair in itertools.product(OPERANDS, repeat=twin.nin):
        args = [OPERANDS[key] for key in pair]
        if any(np.asarray(arg).dtype.kind in "mM" for arg in args):
            assert seen(ours, *args) == seen(twin, *args), (name, pair)


@pytest.mark.parametrize("dtype", ["M8[ns]", "m8[us]", "M8[10D]", "m8"])
@pytest.mark.parametrize(
    "name", ["add", "subtract", "maximum", "minimum", "fmax", "fmin", "remainder", "equal"]
)
def test_methods_are_numpys(name: str, dtype: str) -> None:
    x, square = dates(dtype, 30), dates(dtype, 36).reshape(6, 6)
    calls: list[Callable[[np.ufunc], Any]] = [
        lambda f: f.reduce(x),
        lambda f: f.reduce(x[::2]),
        lambda f: f.reduce(x[x == x]),
        lambda f: f.reduce(square, axis=0),
        lambda f: f.reduce(square.T, axis=1, keepdims=True),
        lambda f: f.reduce(square, axis=None),
        lambda f: f.reduce(x, where=x == x, initial=x[0]),
        lambda f: f.reduce(x[:0]),
        lambda f: f.accumulate(x),
        lambda f: f.accumulate(square, axis=1),
        lambda f: f.reduceat(x, [0, 5, 5, 20]),
        lambda f: f.outer(x[:3], x[:4]),
        lambda f: f.reduce(x, out=np.zeros((), dtype)),
        lambda f: f.reduce(x, out=np.zeros((), "M8[s]")),
        lambda f: f.reduce(x, dtype="i8"),
    ]
    for number, call in enumerate(calls):
        ours, twin = getattr(ux, name), getattr(np, name)
        assert seen(call, ours) == seen(call, twin), (name, number)


def test_outputs_masks_and_places() -> None:
    def results(module: Any) -> list[str]:
        moments, spans = OPERANDS["seconds"].copy(), OPERANDS["span of seconds"].copy()
        out = np.zeros(40, "M8[s]")
        finer = np.zeros(40, "M8[ms]")
        calls: list[Callable[[], Any]] = [
            lambda: module.add(moments, spans, out=out),
            lambda: module.add(moments, spans, out=finer),
            lambda: module.add(moments, spans, moments),
            lambda: module.subtract(moments, spans, out=out, where=np.arange(40) % 3 == 0),
            lambda: module.subtract(moments[::-1], moments, out=spans),
            lambda: module.add.at(spans, [0, 0, 3], np.array([1, 2, 3], "m8[s]")),
            lambda: module.add.at(spans, [0, 0, 3], np.array([1, 2, 3], "m8[h]")),
            lambda: module.multiply.at(spans, [0, 0, 3], 2),
            lambda: module.multiply(spans, 2, dtype="m8[ms]"),
            lambda: module.add(spans, 1, casting="no"),
            lambda: module.add(moments.astype(">M8[s]"), spans),
            lambda: module.add(moments[::3], spans[::-3]),
            lambda: module.add(moments.reshape(8, 5), spans[:5]),
        ]
        return [*map(str, map(seen, calls)), *map(repr, (out, finer, moments, spans))]

    assert results(ux) == results(np)


def test_they_run_on_our_loops() -> None:
    moments, spans = OPERANDS["seconds"], OPERANDS["span of seconds"]
    before = ux.native_calls()
    (
        ux.add(moments, spans),
        ux.subtract(moments, OPERANDS["days"]),
        ux.multiply(spans, 2),
        ux.less(moments, moments),
    )
    ux.maximum.reduce(moments), ux.isnat(moments), ux.divide(spans, np.timedelta64(5, "h"))
    assert ux.native_calls() - before == 7
    assert ux.explain(ux.add, moments, spans)["loop"] == "Mm->M"
    assert ux.explain(ux.divide, spans, OPERANDS["span of hours"])["loop"] == "mm->d"


@pytest.mark.parametrize("zero", [0, np.int64(0), np.array(0), 0.0, np.zeros(40, "i8")])
def test_division_by_zero(zero: Any) -> None:
    spans = OPERANDS["span of seconds"]
    for name in ("divide", "floor_divide"):
        assert seen(getattr(ux, name), spans, zero) == seen(getattr(np, name), spans, zero)


def test_a_unit_beyond_reach_is_numpys_to_refuse() -> None:
    years, days = np.array([1], "m8[Y]"), np.array([1], "m8[D]")
    assert seen(lambda: ux.add(years, days)) == seen(lambda: np.add(years, days))


def test_series_of_dates_in_place() -> None:
    pd = pytest.importorskip("pandas")
    dates = pd.Series(pd.date_range("2026-01-01", periods=50))
    wanted = (dates - dates.shift(1), dates > dates[3], (dates + pd.Timedelta("1D")).max())
    with ux.installed():
        before = ux.native_calls()
        got = (dates - dates.shift(1), dates > dates[3], (dates + pd.Timedelta("1D")).max())
        assert ux.native_calls() > before
    pd.testing.assert_series_equal(got[0], wanted[0])
    pd.testing.assert_series_equal(got[1], wanted[1])
    assert got[2] == wanted[2]


def test_subclasses_keep_their_class() -> None:
    class Mine(np.ndarray):
        pass

    mine = OPERANDS["seconds"].view(Mine)
    for result in (ux.add(mine, OPERANDS["one span"]), ux.maximum.accumulate(mine)):
        assert type(result) is Mine
        assert result.dtype == "M8[s]"
