"""What is special about arrays of JAX, TensorFlow, Arrow, polars and others: tracers, graphs, nulls."""

import numpy as np
import pytest
from test_libraries import full

import ufunx as ux

A = np.array([1.5, 0.25, 3.0, 4.0])


def outcome(call):
    """The result of a call or its error."""
    try:
        return call()
    except Exception as error:
        return error


def assert_as_numpy(call):
    """NumPy's answer: an array, or an error of that class."""
    ours, theirs = outcome(lambda: call(ux)), outcome(lambda: call(np))
    assert type(ours) is type(theirs)
    if not isinstance(theirs, Exception):
        if np.asarray(theirs).dtype.kind == "f":
            np.testing.assert_allclose(ours, theirs, rtol=1e-15, strict=True)
        else:
            np.testing.assert_array_equal(ours, theirs, strict=True)


# --- JAX ---


@full
def test_tracers():
    """They have no values; the way out that the error names works."""
    import jax

    def body(x):
        for call in (lambda: ux.exp(x), lambda: ux.add(1.0, x), lambda: ux.add.reduce(x), lambda: ux.sin(x)):
            with pytest.raises(TypeError, match=r"jax\.pure_callback"):
                call()
        with pytest.raises(TypeError):
            ux.asarray(x)
        return (x * 2).sum()

    ones = jax.numpy.ones(3)
    assert jax.jit(body)(ones) == 6
    assert jax.vmap(body)(jax.numpy.ones((2, 3))).tolist() == [6, 6]
    assert jax.grad(body)(ones).tolist() == [2, 2, 2]

    @jax.jit
    def called_back(x):
        return (
            jax.pure_callback(lambda x: np.asarray(ux.exp(x)), jax.ShapeDtypeStruct(x.shape, x.dtype), x) + 1
        )

    np.testing.assert_allclose(called_back(ones), np.exp(ones) + 1, rtol=1e-6)


@full
def test_jax_without_wide_numbers():
    """What JAX has turned off is not turned on by a result: it is as JAX's own of that array."""
    import jax

    x64 = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", False)
    try:
        x = jax.numpy.arange(3.0)
        assert x.dtype == "float32"
        assert ux.exp(x).dtype == "float32"
        result = ux.add(x, np.ones(3, "f4"))
        assert isinstance(result, jax.Array)
        assert jax.numpy.add(ux.exp(x), x).dtype == "float32"
    finally:
        jax.config.update("jax_enable_x64", x64)


@full
def test_jax_results_take_part():
    import jax

    x = jax.numpy.arange(4.0)
    result = ux.exp(x)
    assert jax.jit(lambda x: x * 2)(result).shape == (4,)
    assert result.devices() == x.devices()
    assert (result.at[0].set(5.0))[0] == 5
    assert ux.exp(x.reshape(2, 2).T).shape == (2, 2)
    np.testing.assert_allclose(ux.exp(x[::2]), np.exp(np.arange(0, 4, 2.0)))


# --- TensorFlow ---


@full
def test_tensorflow_variables_and_graphs():
    """A variable is read as NumPy reads it; in a graph there are no values."""
    import tensorflow as tf

    variable = tf.Variable([1.0, 2.0])
    np.testing.assert_allclose(ux.exp(variable), np.exp([1.0, 2.0]), rtol=1e-6)

    @tf.function
    def graph(x):
        with pytest.raises((TypeError, NotImplementedError)):
            ux.exp(x)
        return x + 1

    assert graph(tf.constant([1.0])).numpy().tolist() == [2]


@full
def test_tensorflow_computes_with_results():
    """It wants memory aligned to 64 bytes, and in C order, and ends the process where it is not."""
    import tensorflow as tf

    table = np.arange(1.0, 13).reshape(3, 4)
    for size in (1, 2, 3, 5, 100, 1001):
        for result in (
            ux.exp(tf.zeros(size)),
            ux.greater(tf.ones(size), 0),
            ux.add.reduce(tf.ones((size, size))),
        ):
            assert tf.reduce_all(tf.cast(result, tf.float32) >= 1).numpy()
            assert tf.reduce_sum(tf.cast(tf.stack([result, result]), tf.float32)).numpy() >= 2 * size
    for result in (
        ux.sqrt(tf.constant(table), order="F"),
        ux.sqrt(tf.constant(np.asfortranarray(table))),
        ux.multiply(tf.ones((3, 4), tf.float64), np.sqrt(np.asfortranarray(table))),
    ):
        assert isinstance(result, tf.Tensor)
        np.testing.assert_allclose(tf.reduce_sum(result, axis=0).numpy(), np.sqrt(table).sum(0), rtol=1e-15)
        np.testing.assert_allclose(tf.matmul(result, result, transpose_b=True).shape, (3, 3))


# --- Arrow and polars ---


def test_arrow_with_nulls():
    """As numpy.asarray has it: NaN where there is no value, never what lies there."""
    import pyarrow as pa

    for array in (
        pa.array([1.0, None, 3.0]),
        pa.array([1, None, 3]),
        pa.array([None, None], pa.float32()),
        pa.array([1.0, None, 3.0, None])[1:3],
        pa.chunked_array([[1.0, None], [3.0]]),
    ):
        assert_as_numpy(lambda m, array=array: m.exp(array))
        assert_as_numpy(lambda m, array=array: m.add(array, 1))
        assert_as_numpy(lambda m, array=array: m.isnan(array))
        assert_as_numpy(lambda m, array=array: m.add.reduce(array))
    assert np.isnan(ux.exp(pa.array([1.0, None]))[1])


def test_other_kinds_of_arrow():
    import pyarrow as pa

    for array in (
        pa.array([True, False, True]),
        pa.array([True, None]),
        pa.array(["a", "b"]),
        pa.array([[1.0], [2.0, 3.0]]),
        pa.array([1.0, 2.0, 1.0]).dictionary_encode(),
        pa.chunked_array([[1.0, 2.0], [3.0]]),
        pa.table({"a": [1.0, 2.0], "b": [3.0, 4.0]}),
        pa.array(np.array(["2020-01-01", "2021-06-05"], "M8[D]")),
        pa.scalar(1.0),
        pa.py_buffer(b"\1\2\3"),
        pa.array([1.0, 2.0, 3.0])[1:],
        pa.array([], pa.float64()),
        pa.nulls(3),
    ):
        assert_as_numpy(lambda m, array=array: m.sqrt(array))
        assert_as_numpy(lambda m, array=array: m.logical_not(array))
        assert_as_numpy(lambda m, array=array: m.equal(array, array))


def test_slices_of_arrow():
    """The first element is not the buffer's."""
    import pyarrow as pa

    array = pa.array(A)[2:]
    for imported in (ux.asarray(array), ux.from_dlpack(array)):
        assert imported.__array_interface__["data"][0] == array.buffers()[1].address + 16
        assert imported.tolist() == [3, 4]
        assert not imported.flags.writeable


@full
def test_polars():
    """A Series answers ufuncs itself; `asarray` reads it where it lies."""
    import polars as pl

    series = pl.Series(A)
    imported = ux.asarray(series)
    assert imported.tolist() == A.tolist()
    assert np.shares_memory(imported, series.to_numpy(allow_copy=False))
    assert isinstance(ux.exp(series), pl.Series)
    assert_as_numpy(lambda m: m.exp(pl.DataFrame({"a": A, "b": A})))


# --- The array API ---


def test_strict_arrays_of_another_device():
    import array_api_strict as xp

    there = xp.asarray([1.0, 2.0], device=xp.Device("device1"))
    assert type(ux.add(xp.asarray([1.0]), 1)) is type(there)
    # It says that it lies on the CPU, where it does.
    result = outcome(lambda: ux.exp(there))
    assert isinstance(result, type(there) | BufferError | RuntimeError)


# --- ml_dtypes ---


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_arrays_of_ml_dtypes_stay_arrays(name):
    import ml_dtypes

    array = A.astype(getattr(ml_dtypes, name))
    for result in (ux.exp(array), ux.add(array, array), ux.asarray(array), ux.sin(array)):
        assert type(result) is np.ndarray
        assert result.dtype == array.dtype
