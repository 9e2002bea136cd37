"""What is special about torch's tensors: flags, views, dtypes, transforms; and GPUs."""

import sys

import foreign
import numpy as np
import pytest
from test_foreign_libraries import outcome
from test_libraries import full

import ufunx as ux

pytestmark = full


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
@pytest.mark.parametrize("refused", foreign.REFUSED, ids=lambda refused: refused.name)
def test_refused_with_the_way_out(refused):
    tensor, ones = refused.make(), np.ones(3)
    calls = [
        lambda: ux.exp(tensor),
        lambda: ux.add(ones, tensor),
        lambda: ux.add(tensor, 1, dtype="f8", casting="unsafe"),
        lambda: ux.sin(tensor),
        lambda: ux.add.reduce(tensor),
        lambda: ux.add.outer(tensor, ones),
        lambda: ux.exp(ones, out=tensor),
        lambda: ux.exp(ones, where=tensor, out=ones),
        lambda: ux.add.at(tensor, 0, 1),
        lambda: ux.asarray(tensor),
    ]
    for call in calls:
        with pytest.raises(refused.error) as caught:
            call()
        assert refused.way_out in str(caught.value)
    with pytest.raises((BufferError, RuntimeError, TypeError)):
        ux.from_dlpack(tensor)
    assert ones.tolist() == [1, 1, 1]


def test_the_ways_out():
    import torch

    tracked = torch.ones(3, requires_grad=True)
    assert torch.equal(ux.add(tracked.detach(), 1), torch.full((3,), 2.0))
    complex_one = torch.tensor([1 + 2j, 3 - 1j])
    assert torch.equal(ux.add(complex_one.conj().resolve_conj(), 0), complex_one.conj().resolve_conj())
    negated = complex_one.conj().imag
    assert negated.is_neg()
    assert torch.equal(ux.add(negated.resolve_neg(), 0), torch.tensor([-2.0, 1.0]))
    assert torch.equal(ux.exp(torch.eye(2).to_sparse().to_dense()), ux.exp(torch.eye(2)))
    with torch.no_grad():
        assert not ux.exp(tracked.detach()).requires_grad


def test_torch_views():
    import torch

    base = torch.arange(24, dtype=torch.float64).reshape(2, 3, 4)
    views = {
        "transposed": base.transpose(0, 2),
        "strided": base[:, ::2, 1:],
        "selected": base[1, :, 2],
        "one element": base[1, 2, 3],
        "expanded": torch.ones(1, 3).expand(4, 3),
        "unsqueezed": base.unsqueeze(1),
        "narrowed": base.narrow(2, 1, 2),
        "flipped": base.flip(0),
        "empty": base[:, :0],
        "parameter": torch.nn.Parameter(base, requires_grad=False),
        "complex": torch.view_as_complex(base.reshape(3, 4, 2)),
        "channels last": torch.ones(2, 3, 4, 5).to(memory_format=torch.channels_last),
    }
    for view in views.values():
        result = ux.add(view, view)
        assert type(result) is torch.Tensor
        assert torch.equal(result, view + view)
        assert torch.equal(ux.add(np.asarray(view), view), view + view)
        assert ux.asarray(view).__array_interface__["data"][0] == view.data_ptr() or view.numel() == 0
        if view.numel() and 0 not in view.stride():
            target = view.clone(memory_format=torch.preserve_format)
            assert ux.multiply(view, 2, out=target) is target
            assert torch.equal(target, view * 2)
    overlapping = torch.arange(5.0)
    ux.add(overlapping[:-1], overlapping[1:], out=overlapping[1:])
    assert overlapping.tolist() == [0, 1, 3, 5, 7]


def test_torch_results():
    """Of torch's own dtypes and kinds, with storage that is the result's own."""
    import torch

    tensor = torch.arange(4, dtype=torch.float32)
    truth = ux.greater(tensor, 1)
    assert truth.dtype == torch.bool
    assert truth.tolist() == [False, False, True, True]
    assert torch.where(truth, tensor, -1.0).tolist() == [-1, -1, 2, 3]
    total = ux.add.reduce(tensor)
    assert (total.shape, total.dtype) == (torch.Size([]), torch.float32)
    result = ux.exp(tensor)
    result.add_(1)
    assert tensor.tolist() == [0, 1, 2, 3]
    assert not result.requires_grad
    result = ux.multiply(tensor, 2).requires_grad_()
    result.sum().backward()
    assert result.grad.tolist() == [1, 1, 1, 1]
    with torch.inference_mode():
        assert torch.equal(ux.exp(tensor), ux.exp(tensor))
        inside = torch.ones(2)
        assert ux.add(inside, inside, out=inside) is inside
    assert inside.tolist() == [2, 2]


@pytest.mark.parametrize("name", ["uint16", "uint32", "uint64", "float16", "complex128"])
def test_torch_dtypes_of_few_operators(name):
    import torch

    tensor = torch.tensor([1, 2, 3]).to(getattr(torch, name))
    result = ux.add(tensor, tensor)
    assert result.dtype == getattr(torch, name)
    assert result.to(torch.complex128).real.tolist() == [2, 4, 6]


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental:UserWarning")
@pytest.mark.parametrize("name", ["complex32", "float8_e8m0fnu", "float8_e4m3fnuz"])
def test_torch_dtypes_that_are_not_ours(name):
    import torch

    tensor = torch.zeros(3, dtype=getattr(torch, name))
    with pytest.raises(BufferError, match=name):
        ux.exp(tensor)


def test_bfloat16_beside_torch():
    """Within a unit in the last place of torch's own functions."""
    import torch

    tensor = torch.linspace(-3, 3, 1000).to(torch.bfloat16)
    for name in ("exp", "sqrt", "square"):
        ours, theirs = getattr(ux, name)(tensor.abs()), getattr(torch, name)(tensor.abs())
        assert ours.dtype == torch.bfloat16
        assert ((ours.view(torch.int16).int() - theirs.view(torch.int16).int()).abs() <= 1).all()
    assert torch.equal(ux.add(tensor, tensor), tensor + tensor)
    assert torch.equal(ux.multiply(tensor, tensor), tensor * tensor)
    assert torch.equal(ux.maximum(tensor, 0), tensor.clamp(min=0))
    assert torch.equal(ux.less(tensor, 0), tensor < 0)


def test_torch_function_transforms():
    """Inside of vmap there is no memory to read."""
    import torch

    def inside(x):
        with pytest.raises(BufferError, match="vmap"):
            ux.exp(x)
        return x

    torch.vmap(inside)(torch.ones(2, 3))


def test_torch_subclasses():
    """They are read as they say themselves, and results are tensors."""
    import torch

    class Sub(torch.Tensor):
        pass

    tensor = torch.arange(3.0).as_subclass(Sub)
    result = ux.add(tensor, 1)
    assert isinstance(result, torch.Tensor)
    assert result.tolist() == [1, 2, 3]
    out = torch.zeros(3).as_subclass(Sub)
    assert ux.add(tensor, 1, out=out) is out
    assert out.tolist() == [1, 2, 3]


def test_references_of_tensors():
    import torch

    tensor, other = torch.ones(1000), torch.ones(1000, dtype=torch.bfloat16)
    before = sys.getrefcount(tensor), sys.getrefcount(other), tensor._use_count()
    for _ in range(50):
        ux.add(tensor, 1, out=tensor)
        ux.add.reduce(ux.exp(tensor), axis=0)
        ux.add(other, ux.asarray(other))
        outcome(lambda: ux.add(tensor, torch.ones(3)))
        outcome(lambda: ux.add(tensor, torch.ones(3, requires_grad=True)))
    imported = ux.from_dlpack(tensor)
    assert imported.size == 1000
    del imported
    assert (sys.getrefcount(tensor), sys.getrefcount(other), tensor._use_count()) == before


# --- Devices ---


def cuda():
    """torch, where it has a GPU."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    if not torch.cuda.is_available():
        pytest.skip("torch sees no GPU here")
    return torch


def test_torch_on_a_gpu():
    torch = cuda()
    tensor = torch.ones(3, device="cuda")
    for call in (lambda: ux.exp(tensor), lambda: ux.add(np.ones(3), tensor), lambda: ux.add.reduce(tensor)):
        with pytest.raises(BufferError, match=r"cuda:0.*tensor\.cpu\(\)"):
            call()
    with pytest.raises(BufferError, match="cuda"):
        ux.from_dlpack(tensor)
    assert ux.from_dlpack(tensor, device="cpu").tolist() == [1, 1, 1]
    assert torch.equal(ux.exp(tensor.cpu()), torch.ones(3).exp())
    pinned = torch.ones(3).pin_memory()
    assert ux.asarray(pinned).__array_interface__["data"][0] == pinned.data_ptr()


def test_cupy():
    """It answers ufuncs by its own kernels."""
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed: it needs a GPU")
    result = ux.exp(cupy.zeros(3))
    assert isinstance(result, cupy.ndarray)
    assert result.get().tolist() == [1, 1, 1]
    with pytest.raises(BufferError, match="cuda"):
        ux.from_dlpack(cupy.zeros(3))


FUNCTIONS = {
    "sum": {"axis": 0},
    "prod": {},
    "max": {},
    "min": {"axis": 1, "keepdims": True},
    "any": {},
    "all": {"axis": 1},
    "mean": {"axis": 1},
    "std": {},
    "var": {"axis": 0},
    "cumsum": {"axis": 0},
    "cumprod": {"axis": 1},
    "clip": {"a_min": 1, "a_max": 3},
    "round": {},
}


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name, dtype):
    """NumPy calls torch's methods of these names, which do not know its keywords."""
    import torch

    array = np.arange(6).reshape(2, 3).astype(dtype)
    expected = getattr(np, name)(array, **FUNCTIONS[name])
    before = ux.native_calls()
    result = getattr(ux, name)(torch.from_numpy(array), **FUNCTIONS[name])
    assert type(result) is torch.Tensor
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-6, strict=True)
    if name in ("sum", "max", "cumsum"):
        assert ux.native_calls() > before


def test_functions_of_several():
    import torch

    tensor = torch.arange(6.0).reshape(2, 3)
    total = torch.zeros(3)
    assert ux.sum(tensor, axis=0, out=total) is total
    assert total.tolist() == [3, 5, 7]
    assert ux.sum(tensor, where=tensor > 2) == 12
    chosen = ux.where(tensor > 2, tensor, -1.0)
    assert type(chosen) is torch.Tensor
    assert chosen.tolist() == [[-1, -1, -1], [3, 4, 5]]
    half = ux.mean(tensor.bfloat16())
    assert (half.dtype, half.item()) == (torch.bfloat16, 2.5)
    with pytest.raises(BufferError, match="detach"):
        ux.sum(tensor.requires_grad_())
