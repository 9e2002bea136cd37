"""Random calls agree with NumPy, and the comparison finds what does not."""

from collections.abc import Callable, Iterator
from itertools import islice
from types import SimpleNamespace
from typing import Any

import fuzz
import fuzz_functions
import numpy as np
import pytest
from fuzz_cases import NAMES, Maker

import ufunx

CASES = 20_000
AT_MOST_SHOWN = 5


@pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) < "2.4.0",
    reason="older NumPy crashes comparing with integers out of bounds, and takes a wrong minimum backwards",
)
def test_random_calls_agree_with_numpy() -> None:
    found = list(islice(fuzz.differences(1, CASES), AT_MOST_SHOWN))
    texts = [f"# seed {case.seed}: {text}\n{fuzz.shrink(case).source()}" for case, text in found]
    assert not found, "\n\n".join(texts)


def test_a_seed_gives_one_case() -> None:
    assert [Maker(seed).case() for seed in range(200)] == [Maker(seed).case() for seed in range(200)]


def map_arrays(change: Callable[[np.ndarray], Any], result: Any) -> Any:
    return change(result) if isinstance(result, np.ndarray) else result


def wrong_last_element(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    result = call(*args, **kwargs)
    if (
        isinstance(result, np.ndarray)
        and result.size
        and result.dtype.kind in "biuf"
        and result.flags.writeable
    ):
        result.flat[-1] = result.flat[-1] == 0
    return result


def no_warnings(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    with np.errstate(all="ignore"):
        return call(*args, **kwargs)


def wrong_strides(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return map_arrays(lambda x: np.asfortranarray(x) if "out" not in kwargs else x, call(*args, **kwargs))


def wrong_identity(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return map_arrays(lambda x: x[...], call(*args, **kwargs))


def arrays_for_scalars(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    result = call(*args, **kwargs)
    return np.asarray(result) if isinstance(result, np.generic) else result


def wrong_byte_order(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return map_arrays(lambda x: x.astype(x.dtype.newbyteorder("S")), call(*args, **kwargs))


def spoiled_input(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    result = call(*args, **kwargs)
    if args and isinstance(args[0], np.ndarray) and args[0].flags.writeable and args[0].dtype.kind == "f":
        args[0][...] = 12345
    return result


def other_words(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    try:
        return call(*args, **kwargs)
    except (TypeError, ValueError) as error:
        raise type(error)("something went wrong") from None


def kept_reference(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    LEAKED.extend(args)
    return call(*args, **kwargs)


LEAKED: list[Any] = []
BUGS = {
    wrong_last_element: "value",
    no_warnings: "warnings",
    wrong_strides: "strides",
    wrong_identity: "identity",
    arrays_for_scalars: "type",
    wrong_byte_order: "dtype",
    spoiled_input: "value",
    other_words: "error",
    kept_reference: "references",
}


class Spoiled:
    """A ufunc with a planted bug in its call and in its methods."""

    def __init__(self, ufunc: Any, bug: Callable[..., Any]) -> None:
        self.ufunc, self.bug = ufunc, bug

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.bug(self.ufunc, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.ufunc, name)
        return lambda *args, **kwargs: self.bug(method, *args, **kwargs)


@pytest.fixture
def nothing_kept() -> Iterator[None]:
    yield
    LEAKED.clear()


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
@pytest.mark.usefixtures("nothing_kept")
def test_a_planted_bug_is_found(bug: Callable[..., Any]) -> None:
    """In one ufunc; NumPy's own stand for the rest, so nothing but the plant can differ."""
    names = {name: getattr(np, name) for name in NAMES}
    lib = SimpleNamespace(**{**names, "add": Spoiled(np.add, bug), "log": Spoiled(np.log, bug)})
    found = set()
    for case, text in fuzz.differences(1, CASES, lib):
        assert case.name in ("add", "log")
        found.add(text.split(" ")[0])
        if BUGS[bug] in found:
            break
    assert BUGS[bug] in found


def test_numpy_agrees_with_itself() -> None:
    """What NumPy does not do twice alike would be a false alarm."""
    assert not list(fuzz.differences(1, CASES // 10, np))


def test_a_difference_is_made_small_and_printed() -> None:
    lib = SimpleNamespace(**{name: getattr(ufunx, name) for name in NAMES})
    lib.add = Spoiled(ufunx.add, wrong_last_element)
    case = next(case for case, text in fuzz.differences(1, CASES, lib) if case.name == "add")
    small = fuzz.shrink(case, lib)
    assert len(small.source()) <= len(case.source()) + len(".copy()") * len(case.setup)
    assert fuzz.difference(small, lib)
    assert "import numpy as np, ufunx" in small.source()
    compile(small.source(), "<case>", "exec")


FUNCTION_CASES = 5_000


def test_random_calls_of_functions_agree_with_numpy() -> None:
    found = [f"{text}  # {how}" for text, how in fuzz_functions.differences(1, FUNCTION_CASES)]
    assert not found, "\n".join(found[:AT_MOST_SHOWN])


SCALARS = fuzz_functions.REDUCTIONS + fuzz_functions.MOMENTS
PLANTED = [
    (bug, name) for bug in (wrong_last_element, other_words) for name in sorted(set(fuzz_functions.NAMES))
]
PLANTED += [(arrays_for_scalars, name) for name in sorted(set(SCALARS))]


@pytest.mark.parametrize(("bug", "name"), PLANTED, ids=lambda part: getattr(part, "__name__", part))
def test_a_planted_bug_in_a_function_is_found(bug: Callable[..., Any], name: str) -> None:
    functions = {known: getattr(ufunx, known) for known in fuzz_functions.NAMES}
    right = functions[name]
    functions[name] = lambda *args, **kwargs: bug(right, *args, **kwargs)
    found = fuzz_functions.differences(1, FUNCTION_CASES, SimpleNamespace(**functions))
    assert any(text.startswith(f"{name}(") for text, _ in found)
