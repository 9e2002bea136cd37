"""How operands lie must not show: rows with an element repeated, short inner axes, gaps, masks, stretches,
early answers."""

import numpy as np
import pytest

import ufunx as ux

DTYPES = ["?", "u1", "i2", "u4", "i8", "f2", "f4", "f8", "c8", "c16"]
SHAPES = [
    ((40, 50), (40, 1)),
    ((40, 50), (1, 50)),
    ((300, 3000), (300, 1)),
    ((2, 9000), (2, 1)),
    ((700, 3), (3,)),
    ((700, 3), (700, 1)),
    ((60, 40, 3), (60, 40, 1)),
    ((60, 40, 3), (60, 1, 3)),
    ((60, 40, 4), (1, 40, 4)),
    ((7, 60, 1, 5), (60, 40, 1)),
    ((31, 30, 29), (31, 1, 29)),
    ((5, 6, 7, 8), (5, 1, 7, 1)),
    ((100, 2, 2), (1, 2, 2)),
]


def data(dtype, shape, seed):
    random = np.random.default_rng(seed)
    if np.dtype(dtype).kind in "?biu":
        return random.integers(0, 50, shape).astype(dtype)
    return random.normal(size=shape).astype(dtype)


def check(name, *args, **kwargs):
    results = []
    for function in (np, ux):
        for part in name.split("."):
            function = getattr(function, part)
        with np.errstate(all="ignore"):
            results.append(np.asarray(function(*args, **kwargs)))
    expected, got = results
    assert got.dtype == expected.dtype
    assert got.strides == expected.strides
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_broadcasts(dtype, shapes, threads):
    a, b = (data(dtype, shape, seed) for seed, shape in enumerate(shapes))
    with ux.threads(threads):
        for name in ("add", "multiply", "maximum", "less", "divide"):
            if name == "divide" and dtype == "f2":
                continue
            check(name, a, b)
            check(name, b, a)
        check("add", a.astype("c16" if a.dtype.kind == "c" else "f8"), b)  # one of the two is cast
        check("add", a[::-1], b[..., ::-1] if b.shape[-1] == a.shape[-1] else b)


@pytest.mark.parametrize("dtype", DTYPES)
def test_in_place_and_parts_of_rows(dtype):
    for shapes in SHAPES[:6]:
        a, b = (data(dtype, shape, seed) for seed, shape in enumerate(shapes))
        results = []
        for xp in (np, ux):
            out = a.copy()
            xp.add(out, b, out=out)
            xp.multiply(out[:, 1:-1], out[:, 2:], out=out[:, 1:-1])
            xp.maximum(out[:, ::2], out[:, ::2], out=out[:, ::2])
            results.append(out)
        np.testing.assert_array_equal(results[0], results[1])


@pytest.mark.parametrize("step", [2, 3, 4, 5, -1, -2])
@pytest.mark.parametrize("dtype", DTYPES)
def test_gaps(dtype, step):
    for n in (1, 100, 255, 256, 257, 3000, 40_000):
        a, b = (data(dtype, n * 5, seed)[::step][:n] for seed in (1, 2))
        for name in ("add", "maximum", "equal", "isnan", "square", "negative"):
            if dtype == "?" and name == "negative":
                continue
            operands = [a, b][: getattr(np, name).nin]
            check(name, *operands)
        if np.dtype(dtype).kind == "f":
            check("floor", a)
        out = [np.zeros(n * 2, a.dtype) for _ in range(2)]
        for xp, target in zip((np, ux), out, strict=True):
            xp.add(a, b, out=target[::2])
        np.testing.assert_array_equal(*out)


@pytest.mark.parametrize("density", [0, 0.01, 0.1, 0.3, 0.5, 0.9, 0.99, 1])
@pytest.mark.parametrize("dtype", DTYPES)
def test_masks(dtype, density):
    random = np.random.default_rng(5)
    for n in (1, 63, 64, 65, 1000, 1025, 5000, 200_000):
        mask = random.random(n) < density
        blocks = np.repeat(random.random(n // 200 + 1) < density, 200)[:n]
        a, b = data(dtype, n, 1), data(dtype, n, 2)
        for chosen in (mask, blocks, np.repeat(mask, 2)[::2], mask[::-1]):
            for name in ("add", "maximum", "divide"):
                out = [np.full(n, 7, getattr(np, name)(a[:1], b[:1]).dtype) for _ in range(2)]
                with np.errstate(all="ignore"):
                    for xp, target in zip((np, ux), out, strict=True):
                        getattr(xp, name)(a, b, out=target, where=chosen)
                np.testing.assert_array_equal(*out)
            if np.dtype(dtype).kind in "?biu":
                check("add.reduce", a, where=chosen)
            if dtype not in ("f2", "c8", "c16"):
                check("maximum.reduce", a, where=chosen, initial=0)


@pytest.mark.parametrize("dtype", ["?", "u1", "i2", "i4", "u8", "f4", "f8"])
def test_stretches_that_are_cast(dtype):
    random = np.random.default_rng(6)
    a = data(dtype, 20_000, 1)
    wide = data(dtype, (30, 500), 2)
    for indices in (
        np.arange(0, 20_000, 4),
        np.sort(random.integers(0, 20_000, 3000)),
        random.integers(0, 20_000, 500),
        np.array([0, 5, 5, 3, 19_999]),
        np.array([0]),
    ):
        for name in ("add", "multiply", "logical_or", "logical_and", "logical_xor", "maximum"):
            if name == "multiply" and dtype[0] == "f":
                continue
            check(f"{name}.reduceat", a, indices)
            part = indices % 500
            check(f"{name}.reduceat", wide, part, axis=1)
            check(f"{name}.reduceat", wide[::2, ::-1], part, axis=1)
    check("add.reduceat", a, np.arange(0, 20_000, 7), dtype="f8")


@pytest.mark.parametrize("dtype", [*DTYPES, "i1", "u2", "i4", "u8"])
def test_truth_is_known_early(dtype):
    for n in (0, 1, 500, 5000, 70_000):
        for where in (None, 0, n // 2, n - 1):
            zeros = np.zeros(n, dtype)
            ones = np.ones(n, dtype)
            if where is not None and n:
                zeros[where] = 3
                ones[where] = 0
            for array in (zeros, ones, zeros[::2], ones[::-1]):
                for name in ("any", "all"):
                    assert getattr(ux, name)(array) == getattr(np, name)(array), (n, where, name)
                for name in ("logical_or", "logical_and", "logical_xor"):
                    for initial in (False, True):
                        call = (array, 0, None, None, False, initial)
                        assert getattr(ux, name).reduce(*call) == getattr(np, name).reduce(*call)
    if np.dtype(dtype).kind in "fc":
        assert ux.any(np.array([np.nan] * 3, dtype))
        assert not ux.any(np.array([-0.0] * 3, dtype))
    square = data(dtype, (50, 60), 1)
    for axis in (0, 1, (0, 1)):
        for name in ("any", "all"):
            check(name, square, axis=axis)


@pytest.mark.parametrize("unit", ["D", "h", "ns", "10s"])
def test_single_dates_beside_arrays(unit):
    for n in (1, 1000, 200_000):
        spans = np.arange(n).astype(f"m8[{unit}]")
        spans[n // 2] = np.timedelta64("NaT")
        moments = np.datetime64("2020-01-01", "D").astype(f"M8[{unit}]") + spans
        for one in (
            np.timedelta64(7, unit),
            np.timedelta64(3, "D"),
            np.timedelta64("NaT"),
            np.timedelta64(5),
        ):
            check("add", moments, one)
            check("subtract", spans, one)
            check("less", spans, one)
            check("divide", spans, one)
        for day in (moments[0], np.datetime64("2021-05-06", "D"), np.datetime64("NaT")):
            check("subtract", moments, day)
            check("greater_equal", moments, day)
            check("maximum", day, moments)
        for number in (1.5, -0.25, 1e300, np.nan, np.inf, 0.0):
            check("multiply", spans, number)
            check("multiply", number, spans)
            check("divide", spans, number)
        check("multiply", spans, np.linspace(-1e12, 1e16, n))


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
@pytest.mark.parametrize("dtype", ["?", "u1", "i8", "f2", "f4", "f8", "c16"])
def test_means_of_what_a_mask_chooses(dtype):
    a = data(dtype, (30, 40), 1)
    random = np.random.default_rng(2)
    masks = [random.random((30, 40)) < 0.4, np.zeros((30, 40), bool), random.random(40) < 0.5, True]
    masks.append(np.repeat(random.random(30) < 0.5, 40).reshape(30, 40))
    if dtype[0] in "fc":  # which elements are added to which differs
        a = np.round(a * 64) / 64
    for mask in masks:
        for axis in (None, 0, 1, (0, 1), -1):
            for keepdims in (False, True):
                check("mean", a, axis=axis, keepdims=keepdims, where=mask)
                assert type(ux.mean(a, axis, where=mask)) is type(np.mean(a, axis, where=mask))
        check("mean", a.T, axis=0, where=mask if mask is True else np.broadcast_to(mask, a.shape).T)
        if dtype != "c16":
            check("mean", a, dtype="f8", where=mask)
