"""Complex loops beside NumPy's: every pair of special parts, reductions, masks, strides, weak numbers."""

import itertools
import warnings

import numpy as np
import pytest

import ufunx as ux
from ufunx import _native

DTYPES = ["complex64", "complex128"]
RECORDS = _native.records()
NATIVE = sorted(name for name, record in RECORDS.items() if any(set("FD") & set(t) for t in record["types"]))
UFUNCS = {
    name: found
    for name in NATIVE
    if isinstance(found := getattr(np, name, None), np.ufunc) and found.signature is None
}
UNARY = [name for name, ufunc in UFUNCS.items() if ufunc.nin == 1]
BINARY = [name for name, ufunc in UFUNCS.items() if ufunc.nin == 2]
MATRIX = {"matmul", "matvec", "vecdot", "vecmat"}


def parts(dtype):
    info = np.finfo(dtype)
    huge, tiny = float(info.max), float(info.smallest_normal)
    values = [0.0, 1.0, np.inf, np.nan, huge, tiny, 0.5, 30.0, float(info.max) ** 0.5 * 4]
    return [sign * x for x in values for sign in (1, -1)]


def grid(dtype):
    values = np.array(list(itertools.product(parts(dtype), repeat=2)), np.finfo(dtype).dtype)
    return values.view(dtype).ravel()


# Where NumPy's own formulas do well enough: docs/complex.md.
NUMPYS_OWN = {
    "exp2": lambda z, _: ~(np.maximum(abs(z.real), abs(z.imag)) > 20) | (np.isinf(z) & ~(abs(z.imag) > 1e3)),
    "expm1": lambda z, least: (~(abs(z.real) > 1e3) | np.isinf(z.real)) & (abs(z.imag) != least),
    "log1p": lambda z, least: (abs(z.real) != least) & ~((abs(z.real) > 1e30) & (abs(z.real) == abs(z.imag))),
}
# Before NumPy 2.3 these had code of NumPy's own, which has other NaNs and other infinities beside NaNs.
OWN_NANS = {"arccosh", "arcsin", "arcsinh"} if np.lib.NumpyVersion(np.__version__) < "2.3.0" else set()


def of(lib, name, *args, **kwargs):
    with np.errstate(all="ignore"):
        return getattr(lib, name)(*args, **kwargs)


def split(x):
    return [x.real, x.imag] if x.dtype.kind == "c" else [x]


def alike(ours, theirs, exact=False, ulps=8):
    """Where two answers are the same: NaNs and infinities in the same parts, zeros' signs, and numbers within
    some units of the larger part."""
    right = np.ones(ours.shape, bool)
    sizes = np.maximum.reduce([np.where(np.isfinite(p), abs(p), 0) for p in split(theirs)])
    for a, b in zip(split(ours), split(theirs), strict=True):
        special = ~np.isfinite(b) | ~np.isfinite(a)
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        if a.dtype.kind != "f" or exact:
            right &= same
            continue
        info = np.finfo(a.dtype)
        slack = ulps * (sizes * info.eps + info.smallest_subnormal)
        # The bound of a part that is about as large as can be.
        near = abs(np.clip(a, -info.max, info.max) / 2 - np.clip(b, -info.max, info.max) / 2) <= slack / 2
        right &= np.where(special, same | (near & ~np.isnan(a) & ~np.isnan(b)), near)
        right &= (a != 0) | (b != 0) | (np.signbit(a) == np.signbit(b))
    return right


def test_numpys_complex_loops_are_all_native():
    native = set("?bBhHiIlLqQefdFD->")
    for name, theirs in vars(np).items():
        if not isinstance(theirs, np.ufunc) or theirs.__name__ != name or name in MATRIX:
            continue
        wanted = {t for t in theirs.types if set(t) <= native and set("FD") & set(t)}
        assert wanted <= set(RECORDS.get(name, {"types": []})["types"]), name


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY)
def test_special_values(name, dtype):
    z = grid(dtype)
    if name in NUMPYS_OWN:
        z = z[NUMPYS_OWN[name](z, float(np.finfo(dtype).smallest_normal))]
    if name in OWN_NANS:
        z = z[~np.isnan(z)]
    ours, theirs = of(ux, name, z), of(np, name, z)
    assert ours.dtype == theirs.dtype
    wrong = ~alike(ours, theirs, exact=RECORDS[name]["complex_ulp"] is None)
    report = [f"{z[i]!r}: {ours[i]!r}, NumPy {theirs[i]!r}" for i in np.flatnonzero(wrong)]
    assert not report, "\n".join([f"{len(report)}", *report[:40]])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "name", [name for name in BINARY if name not in ("power", "float_power", "multiply")]
)
def test_pairs_of_special_values(name, dtype):
    z = grid(dtype)
    a, b = np.repeat(z, z.size), np.tile(z, z.size)
    with np.errstate(all="ignore"):
        ours, theirs = getattr(ux, name)(a, b), getattr(np, name)(a, b)
    wrong = ~alike(ours, theirs, exact=True)
    report = [f"{a[i]!r} {b[i]!r}: {ours[i]!r}, NumPy {theirs[i]!r}" for i in np.flatnonzero(wrong)]
    assert not report, "\n".join([f"{len(report)}", *report[:40]])


@pytest.mark.parametrize("dtype", DTYPES)
def test_products_and_powers(dtype):
    z = grid(dtype)
    a, b = np.repeat(z, z.size), np.tile(z, z.size)
    least = np.finfo(dtype).smallest_normal
    with np.errstate(all="ignore"):
        assert alike(ux.multiply(a, b), np.multiply(a, b), exact=True).all()
        for n in (*range(-4, 6), 17, -50, 99, 0.0):
            ours, theirs = ux.power(z, n), np.power(z, n)
            wrong = ~alike(ours, theirs, exact=True)
            assert not wrong.any(), (n, z[wrong][:5], ours[wrong][:5], theirs[wrong][:5])
        for x in (0.5, -1.25, 0.5 + 2j, -3j):
            ours, theirs = ux.power(z, x), np.power(z, x)
            moderate = (abs(z) < 1e3) & (abs(z) > 1e-3) & np.all([abs(p) != least for p in split(z)], axis=0)
            assert alike(ours, theirs, ulps=300)[moderate].all(), x


def numbers(n, dtype, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=n) + 1j * rng.normal(size=n)).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY + BINARY)
def test_layouts_masks_and_outputs(name, dtype):
    if name == "float_power" and dtype == "complex64":
        pytest.skip("it is of complex128 alone")
    ours, theirs = getattr(ux, name), getattr(np, name)
    operands = [numbers(3000, dtype, seed) for seed in range(ours.nin)]
    whole = ours(*operands)
    assert alike(whole, theirs(*operands), ulps=40).all()
    # An answer depends on nothing but its own element.
    for x in ([o[::3] for o in operands], [o[::-1] for o in operands], [o[1:700] for o in operands]):
        at = np.arange(3000)
        at = at[::3] if x[0].size == 1000 else at[::-1] if x[0].size == 3000 else at[1:700]
        # (Products and their sums are rounded together in vectors alone.)
        assert name == "multiply" or ours(*x).tobytes() == np.ascontiguousarray(whole[at]).tobytes()
    with ux.threads(3):
        assert ours(*(np.tile(o, 40) for o in operands)).tobytes() == np.tile(whole, 40).tobytes()
    mask = np.arange(3000) % 3 != 1
    out = np.full(3000, 7, whole.dtype)
    before = out.copy()
    assert ours(*operands, out=out, where=mask) is out
    assert np.array_equal(out[~mask], before[~mask])
    assert out[mask].tobytes() == whole[mask].tobytes()
    if whole.dtype == dtype:
        inside = operands[0].copy()
        ours(inside, *operands[1:], out=inside)
        assert inside.tobytes() == whole.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 127, 129, 1000, 4099])
def test_reductions(dtype, n):
    z = numbers(n, dtype)
    z[n // 2 : n // 2 + 1] *= 1e3
    assert ux.sum(z) == np.sum(z)
    assert n == 0 or ux.mean(z) == np.mean(z)
    assert ux.add.reduce(z[::2]) == np.add.reduce(z[::2])
    assert ux.prod(z[:20]) == np.prod(z[:20])
    for name in ("add", "subtract", "multiply", "maximum", "fmin", "divide"):
        if n or getattr(np, name).identity is not None:
            a, b = getattr(ux, name).reduce(z[:40]), getattr(np, name).reduce(z[:40])
            assert alike(np.array([a]), np.array([b]), ulps=200).all(), name
            if name != "divide":
                assert alike(
                    getattr(ux, name).accumulate(z[:40]), getattr(np, name).accumulate(z[:40]), ulps=200
                ).all()
    if n:
        assert (ux.max(z), ux.min(z)) == (np.max(z), np.min(z))
    assert ux.any(z) == np.any(z)
    assert ux.all(z) == np.all(z)
    assert alike(ux.cumsum(z), np.cumsum(z), ulps=50 + n).all()
    pairs = z[: n - n % 4].reshape(-1, 4)
    for axis in (0, 1):
        assert alike(ux.add.reduce(pairs, axis=axis), np.add.reduce(pairs, axis=axis), ulps=n + 8).all()
    if n > 8:
        assert ux.add.reduceat(z, [0, 3, 5]).tobytes() == np.add.reduceat(z, [0, 3, 5]).tobytes()
        ours, theirs = z.copy(), z.copy()
        ux.subtract.at(ours, [1, 1, 2], z[:3])
        np.subtract.at(theirs, [1, 1, 2], z[:3])
        assert ours.tobytes() == theirs.tobytes()


def test_extremes_of_numbers_that_are_none():
    z = np.array([1 + 1j, complex(np.nan, 3), complex(4, np.nan), 9])
    for name in ("maximum", "minimum", "fmax", "fmin"):
        ours, theirs = getattr(ux, name), getattr(np, name)
        assert np.array([ours.reduce(z)]).tobytes() == np.array([theirs.reduce(z)]).tobytes()
        assert alike(ours.outer(z, z).ravel(), theirs.outer(z, z).ravel(), exact=True).all()


def test_weak_numbers_and_casts():
    x = np.arange(4, dtype="f4")
    for f in (
        lambda m: m.add(x, 1j),
        lambda m: m.exp(1j),
        lambda m: m.sqrt(-1 + 0j),
        lambda m: m.power(x + 1, 2j),
    ):
        assert f(ux).dtype == f(np).dtype
        assert np.allclose(f(ux), f(np))
    assert isinstance(ux.exp(1j), np.complex128)
    with pytest.warns(np.exceptions.ComplexWarning):
        ours = ux.exp(np.array([1j, 2]), out=np.zeros(2), casting="unsafe")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.allclose(ours, np.exp(np.array([1j, 2]), out=np.zeros(2), casting="unsafe"))
    for f in (lambda m: m.exp(1j, out=np.zeros(())), lambda m: m.floor(1j), lambda m: m.arctan2(1j, 1)):
        errors = []
        for m in (ux, np):
            with pytest.raises(TypeError) as error:
                f(m)
            errors.append(str(error.value))
        assert errors[0] == errors[1]


def test_functions_of_numpys_on_our_loops():
    z = numbers(50, "complex128")
    with ux.inplace.installed():
        assert np.allclose(np.angle(z), np.arctan2(z.imag, z.real))
        assert np.real_if_close(z.real + 0j).dtype == float
        assert np.abs(z).dtype == float


@pytest.mark.parametrize(
    ("name", "x", "warned"),
    [
        ("divide", (1 + 1j, 0j), "divide by zero"),
        ("log", (0j,), "divide by zero"),
        ("arctanh", (1 + 0j,), "divide by zero"),
        ("exp", (1000 + 1j,), "overflow"),
        ("multiply", (1e300 + 0j, 1e300 + 0j), "overflow"),
        ("power", (0j, -1 + 0j), "invalid value"),
        ("sin", (complex(np.inf, 0),), "invalid value"),
    ],
)
def test_warnings(name, x, warned):
    for lib in (ux, np):
        with pytest.warns(RuntimeWarning) as caught:
            getattr(lib, name)(*(np.array([v]) for v in x))
        assert any(str(w.message).startswith(warned) and str(w.message).endswith(name) for w in caught)
