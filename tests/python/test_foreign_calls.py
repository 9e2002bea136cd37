"""Our ufuncs and their methods on foreign arrays: the answers of the same calls on arrays over the memory."""

import subprocess
import sys
from pathlib import Path

import exchange_api
import numpy as np
import producers
import pytest
from producers import NATIVE, READ_ONLY, Modern, Old, Oldest, Producer, address

import ufunx as ux

FORMS = {"modern": Modern, "old": Old, "oldest": Oldest, "exchange": exchange_api.exchanging()}


@pytest.fixture(autouse=True)
def everything_goes_back():
    yield
    producers.assert_all_given_back()


def foreign(array, form="modern", **fields):
    """An object of another library over that array's memory."""
    versioned = form in ("modern", "exchange")
    return FORMS[form](Producer(array, versioned=versioned, **fields))


def as_array(result):
    """What a result holds, whosever it is."""
    return result.producer.array if isinstance(result, Modern) else result


def assert_same(ours, theirs):
    """The same arrays or scalars, exactly: they come from the same kernels, or need no rounding.

    Where the result is the library's own, scalars are arrays of no dimensions.
    """
    if isinstance(theirs, tuple):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)
        return
    if isinstance(ours, exchange_api.Exchanging):
        theirs = np.asarray(theirs)
    ours = as_array(ours)
    assert type(ours) is type(theirs)
    np.testing.assert_array_equal(ours, theirs, strict=True)


def values(dtype, size=12):
    """A few values any ufunc takes."""
    return np.arange(1, size + 1).astype(dtype)


# --- Calls ---


@pytest.mark.parametrize("form", FORMS)
def test_every_ufunc(form):
    """On float64, and on what else it takes where it takes no floats: as on arrays."""
    for name, ufunc in ux._UFUNCS.items():
        for dtype in ("float64", "int64", "bool"):
            arrays = [
                values(dtype, 4).reshape(2, 2) + (0 if dtype == "bool" else i) for i in range(ufunc.nin)
            ]
            try:
                with np.errstate(all="ignore"):
                    wanted = ufunc(*arrays)
            except TypeError:
                with pytest.raises(TypeError):
                    ufunc(*(foreign(array, form) for array in arrays))
                continue
            with np.errstate(all="ignore"):
                got = ufunc(*(foreign(array, form) for array in arrays))
            assert_same(got, wanted), (name, dtype)


@pytest.mark.parametrize("dtype", NATIVE)
@pytest.mark.parametrize("form", FORMS)
def test_dtypes_promote_as_numpys(dtype, form):
    one = values(dtype)
    for other_dtype in NATIVE:
        other = values(other_dtype)
        wanted = np.add(one, other)
        assert_same(ux.add(foreign(one, form), foreign(other)), wanted)
        assert_same(ux.add(foreign(one, form), other), wanted)
        assert_same(ux.add(other, foreign(one, form)), np.add(other, one))
        scalar = other[0]
        assert_same(ux.add(foreign(one, form), scalar), np.add(one, scalar))


@pytest.mark.parametrize("form", FORMS)
def test_only_pythons_numbers_are_weak(form):
    small = values("float32")
    for number in (True, 2, 2.5):
        assert_same(ux.add(foreign(small, form), number), np.add(small, number))
        assert_same(ux.multiply(number, foreign(small, form)), np.multiply(number, small))
    wide = ux.add(foreign(small, form), foreign(np.array(2.5), form))
    assert as_array(wide).dtype == "float64"
    wide = ux.add(foreign(values("int8"), form), foreign(np.array(2), form))
    assert as_array(wide).dtype == "int64"
    with pytest.raises(OverflowError):
        ux.add(foreign(values("int8"), form), 300)


@pytest.mark.parametrize("form", FORMS)
def test_layouts(form):
    base = np.linspace(-3, 3, 24).reshape(2, 3, 4)
    for array in (
        base,
        base.T,
        base[:, ::-1],
        base[..., ::2],
        base[:, :1],
        base[0, 0, 0],
        base[:, :0],
        base[1, 2],
    ):
        array = np.asarray(array)
        assert_same(ux.exp(foreign(array, form)), ux.exp(array))
        assert_same(ux.add(foreign(array, form), foreign(array.T.copy().T)), np.add(array, array))


@pytest.mark.parametrize("form", FORMS)
def test_broadcasting(form):
    rows, columns = values("float64", 3), values("float64", 4).reshape(4, 1)
    assert_same(ux.subtract(foreign(rows, form), foreign(columns)), rows - columns)
    with pytest.raises(ValueError, match="could not be broadcast together with shapes"):
        ux.add(foreign(rows, form), foreign(columns.ravel()))


@pytest.mark.parametrize("form", FORMS)
def test_keywords(form):
    array = values("float64")
    assert_same(ux.add(foreign(array, form), 1, dtype="f4"), np.add(array, 1, dtype="f4"))
    assert_same(
        ux.add(foreign(array, form), 1, dtype="f4", casting="same_kind"), np.add(array, 1, dtype="f4")
    )
    assert_same(ux.exp(foreign(array, form), signature="f->f"), ux.exp(array, signature="f->f"))
    square = array.reshape(3, 4)
    assert as_array(ux.exp(foreign(square, form), order="F")).flags.f_contiguous
    assert_same(ux.matmul(foreign(square, form), foreign(square.T)), np.matmul(square, square.T))
    assert_same(ux.vecdot(square, foreign(square, form)), np.vecdot(square, square))
    with pytest.raises(TypeError, match="bogus"):
        ux.exp(foreign(array, form), bogus=1)
    with pytest.raises(TypeError, match="positional arguments"):
        ux.exp(foreign(array, form), array, array)
    with pytest.raises(TypeError, match="casting"):
        ux.add(foreign(array, form), 1, dtype="f4", casting="safe")


@pytest.mark.parametrize("form", FORMS)
def test_where(form):
    array, mask = values("float64"), values("int64") % 2 == 0
    for condition in (mask, foreign(mask, form)):
        out = np.zeros(12)
        result = ux.negative(foreign(array, form), where=condition, out=out)
        assert result is out
        assert_same(out, np.where(mask, -array, 0))


def test_warnings_are_numpys():
    with pytest.warns(RuntimeWarning, match="divide by zero encountered in divide"):
        ux.divide(foreign(np.ones(3)), 0)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        ux.log(foreign(np.array([-1.0])))


# --- Outputs ---


@pytest.mark.parametrize("form", ["modern", "exchange"])
@pytest.mark.parametrize("given", ["out", "tuple", "positional"])
def test_out_is_written_in_place(form, given):
    array, target = values("float64"), np.zeros(24)[::2]
    out = foreign(target, form)
    if given == "positional":
        result = ux.sqrt(array, out)
    else:
        result = ux.sqrt(array, out=out if given == "out" else (out,))
    assert result is out
    assert_same(target, np.sqrt(array))
    assert ux.add(foreign(target, form), 1, out=out) is out
    assert_same(target, np.sqrt(array) + 1)


@pytest.mark.parametrize("form", ["modern", "exchange"])
def test_several_outputs(form):
    array, target = values("float64"), np.zeros(12)
    out = foreign(target, form)
    quotient, remainder = ux.divmod(foreign(array, form), 5, out=(out, None))
    assert quotient is out
    assert_same(target, array // 5)
    assert_same(remainder, array % 5)
    # One that NumPy runs.
    exponents = np.zeros(12, "i4")
    fractions, there = ux.frexp(foreign(array, form), out=(out, foreign(exponents, form)))
    assert fractions is out
    assert isinstance(there, FORMS[form])
    assert_same((target, exponents), np.frexp(array))


@pytest.mark.parametrize("form", ["modern", "exchange"])
def test_an_output_over_its_input(form):
    memory = values("float64")
    wanted = memory[:-1] + memory[1:]
    ux.add(foreign(memory[:-1], form), foreign(memory[1:], form), out=foreign(memory[1:], form))
    assert_same(memory[1:], wanted)


@pytest.mark.parametrize("fields", [{"flags": READ_ONLY}, {"versioned": False}])
def test_an_output_that_nobody_may_write(fields):
    target = np.zeros(3)
    out = Modern(Producer(target, **fields))
    with pytest.raises((ValueError, BufferError), match="read-only"):
        ux.sqrt(values("float64", 3), out=out)
    assert not target.any()


def test_an_output_that_does_not_fit():
    with pytest.raises(ValueError, match="broadcast"):
        ux.sqrt(values("float64"), out=foreign(np.zeros(3)))
    with pytest.raises(TypeError, match="Cannot cast ufunc 'sqrt' output from dtype"):
        ux.sqrt(values("float64"), out=foreign(np.zeros(12, "i8")))
    with pytest.raises(BufferError, match="cuda"):
        ux.sqrt(values("float64"), out=foreign(np.zeros(12), device=(2, 0)))
    with pytest.raises(TypeError):
        ux.sqrt(values("float64"), out=[1.0])


# --- Methods ---


@pytest.mark.parametrize("form", FORMS)
def test_methods(form):
    array = values("float64").reshape(3, 4)

    def same(method, *args, ufunc="add", **keywords):
        got = getattr(getattr(ux, ufunc), method)(foreign(array, form), *args, **keywords)
        assert_same(got, getattr(getattr(np, ufunc), method)(array, *args, **keywords))

    same("reduce")
    same("reduce", 1)
    same("reduce", axis=None)
    same("reduce", axis=(0, 1), keepdims=True)
    same("reduce", axis=1, dtype="f4")
    same("reduce", axis=None, initial=100, where=array > 3)
    same("reduce", ufunc="maximum", axis=0)
    same("accumulate", axis=1)
    same("accumulate", ufunc="multiply")
    same("reduceat", [0, 2])
    same("outer", values("int8", 3))
    outer = ux.subtract.outer(values("int8", 3), foreign(array, form))
    assert_same(outer, np.subtract.outer(values("int8", 3), array))
    mask = foreign(array > 3, form)
    assert_same(ux.add.reduce(array, where=mask), np.add.reduce(array, where=array > 3))
    indices = foreign(np.array([0, 2]), form)
    assert_same(ux.add.reduceat(foreign(array, form), indices), np.add.reduceat(array, [0, 2]))
    with pytest.raises(ValueError, match="axis"):
        ux.add.reduce(foreign(array, form), axis=5)


@pytest.mark.parametrize("form", ["modern", "exchange"])
def test_methods_write_in_place(form):
    array, target = values("float64").reshape(3, 4), np.zeros(4)
    out = foreign(target, form)
    assert ux.add.reduce(foreign(array, form), out=out) is out
    assert_same(target, array.sum(0))
    table = np.zeros((3, 4))
    out = foreign(table, form)
    assert ux.add.accumulate(array, out=(out,)) is out
    assert_same(table, np.add.accumulate(array))
    assert ux.add.at(out, ([0, 0, 2], [1, 1, 3]), foreign(np.array([1.0, 2, 3]), form)) is None
    wanted = np.add.accumulate(array)
    np.add.at(wanted, ([0, 0, 2], [1, 1, 3]), [1.0, 2, 3])
    assert_same(table, wanted)
    with pytest.raises((ValueError, BufferError), match="read-only"):
        ux.add.at(foreign(table, "oldest"), 0, 1)


# --- Beside the calls ---


def test_numpys_own_ufuncs_stay_numpys():
    """In in-place mode too: what NumPy makes of an object it does not know."""
    code = """if True:
        import sys
        sys.path.insert(0, sys.argv[1])
        import numpy as np, ufunx
        from producers import Modern
        def answer():
            try:
                return np.add(Modern(np.ones(3)), 1)
            except TypeError as error:
                return str(error).replace(hex(id(0)), "")
        before = answer()
        with ufunx.installed():
            assert answer() == before, (answer(), before)
    """
    here = str(Path(__file__).parent)
    subprocess.run([sys.executable, "-c", code, here], check=True)


def test_addresses_reach_the_kernel():
    """A large call grows by its result alone."""
    code = """if True:
        import sys, resource
        sys.path.insert(0, sys.argv[1])
        import numpy as np, ufunx as ux
        from producers import Modern
        from exchange_api import exchanging
        array = np.ones(1 << 24)  # 128 MiB
        out = np.ones(1 << 24)
        for cls in (Modern, exchanging()):
            obj, there = cls(array), cls(out)
            ux.exp(cls(array[:4096]), out=cls(out[:4096]))
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            ux.exp(obj, out=there)
            ux.add(obj, there, out=there)
            ux.add.reduce(obj)
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            assert grown < 32 << 10, grown
    """
    here = str(Path(__file__).parent)
    subprocess.run([sys.executable, "-c", code, here], check=True)


def test_explain():
    """As of the array over that memory; nothing is computed."""
    array = values("float64")
    for call in ((ux.exp,), (ux.add, 2), (ux.add, np.longdouble(2))):
        ufunc, *others = call
        wanted = ux.explain(ufunc, array, *others)
        for form in FORMS:
            assert ux.explain(ufunc, foreign(array, form), *others) == wanted


def test_an_array_of_ours():
    """`asarray` makes one array of the memory, for many calls."""
    memory = values("float64")
    array = ux.asarray(foreign(memory))
    assert address(array) == address(memory)
    assert_same(ux.add(array, foreign(memory)), memory + memory)
