"""Bits survive the way into a framework's tensor and back, in every layout."""

from __future__ import annotations

import numpy as np
import pytest

from .adapters import BITS, INSTALLED, VIEWS, Array, NotSupported, adapter, filler, lay_out

SINGLES = [0, 1, 0x80000000, 0x80000001, 0x007FFFFF, 0x3F800000, 0x7F7FFFFF, 0x7F800000, 0xFF800000,
           0x7F800001, 0xFF812345, 0x7FC00000, 0xFFFFFFFF]  # fmt: skip
DOUBLES = [0, 1, 1 << 63, (1 << 63) | 1, (1 << 52) - 1, 0x3FF << 52, 0x7FF << 52, 0xFFF << 52,
           (0x7FF << 52) | 1, (0xFFF << 52) | 0x12345, (0x7FF << 52) | (1 << 51), (1 << 64) - 1]  # fmt: skip


def patterns(dtype: str) -> np.ndarray:
    unsigned = BITS[dtype]
    if dtype == "bool":
        return np.array([0, 1, 1, 0], unsigned)
    if np.dtype(unsigned).itemsize <= 2:
        return np.arange(1 << (8 * np.dtype(unsigned).itemsize), dtype=np.uint32).astype(unsigned)
    return np.array(SINGLES if np.dtype(unsigned).itemsize == 4 else DOUBLES, unsigned)


@pytest.mark.parametrize("dtype", BITS)
@pytest.mark.parametrize("name", INSTALLED)
def test_every_pattern_survives(name: str, dtype: str) -> None:
    backend = adapter(name)
    bits = patterns(dtype)
    if name == "jax" and np.dtype(BITS[dtype]).itemsize == 8:
        with pytest.raises(NotSupported, match="truncated to dtype"):
            backend.tensor(Array(bits, dtype))
        return
    back = backend.array(backend.tensor(Array(bits, dtype)))
    assert back.dtype == dtype
    assert back.bits.dtype == BITS[dtype]
    np.testing.assert_array_equal(back.bits, bits)


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1,), (5,), (2, 3), (2, 3, 4)])
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", INSTALLED)
def test_every_view_holds_its_elements(name: str, view: str, shape: tuple[int, ...]) -> None:
    backend = adapter(name)
    bits = (np.arange(np.prod(shape, dtype=int), dtype=np.uint32) * 0x01010101 + 1).reshape(shape)
    if view == "broadcast" and shape:
        bits = np.broadcast_to(bits[:1], shape).copy()
    given = Array(bits, "float32")
    if view not in backend.views:
        with pytest.raises(NotSupported, match=view):
            backend.tensor(given, view)
        return
    tensor = backend.tensor(given, view)
    back = backend.array(tensor)
    assert back.bits.shape == shape
    np.testing.assert_array_equal(back.bits, bits)
    backend.array(tensor).bits[...] = 7  # what came back is a copy
    np.testing.assert_array_equal(backend.array(tensor).bits, bits)


def test_views_lie_in_memory_as_they_say() -> None:
    numpy, torch = adapter("numpy"), adapter("torch")
    given = Array(np.ones((2, 3), np.uint32), "float32")
    assert {view: numpy.tensor(given, view).strides for view in VIEWS} == {
        "contiguous": (12, 4), "strided": (24, 8), "reversed": (-12, -4), "offset": (12, 4), "transposed": (4, 8),
        "broadcast": (0, 4),
    }  # fmt: skip
    assert {view: torch.tensor(given, view).stride() for view in torch.views} == {
        "contiguous": (3, 1), "strided": (6, 2), "offset": (3, 1), "transposed": (1, 2), "broadcast": (0, 1),
    }  # fmt: skip
    assert torch.tensor(given, "offset").storage_offset() == 1


def test_what_lies_between_the_elements_is_nan() -> None:
    base = lay_out(np.ones(3, np.uint32), "strided", filler("float32")).base
    assert np.isnan(base.view(np.float32)[1::2]).all()


def test_a_broadcast_of_unequal_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="equal rows"):
        lay_out(np.arange(3, dtype=np.uint32), "broadcast", 0)


@pytest.mark.parametrize("name", INSTALLED)
def test_tensors_do_not_share_memory_with_what_they_were_made_of(name: str) -> None:
    backend = adapter(name)
    bits = np.full(64, 0x3F800000, np.uint32)
    tensor = backend.tensor(Array(bits, "float32"))
    bits[:] = 0
    assert (backend.array(tensor).bits == 0x3F800000).all()


@pytest.mark.parametrize("name", INSTALLED)
def test_python_numbers_have_bits(name: str) -> None:
    back = adapter(name).array(0.5)
    assert (back.dtype, back.bits.shape, int(back.bits)) == ("float64", (), 0x3FE0000000000000)
