"""The adapter of PyTorch: tensors of exact bits, autograd in both modes, torch.compile.

Knows no verdict. PyTorch is imported when the adapter is instantiated; the bindings (pytorch_bindings) need none.
Intra-op threads are set by torch.set_num_threads, inter-op threads to one.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from typing import Any, Callable

import numpy as np

from . import common
from .common import FLOATS, bits_of, resolve
from .protocol import BITS, Array, Binding, Call, NotSupported, TensorBinding
from .pytorch_bindings import BINDINGS
from .pytorch_tensor_bindings import TENSOR_BINDINGS
from .pytorch_tensors import BITS_OF, CARRIERS, made, prepare, tensor_reproducer


def reproducer(
    binding: Binding,
    arguments: Mapping[str, Any],
    quantity: str,
    mode: str,
    configuration: str,
    dtype: str,
    input_bits: Sequence[int],
    shape: Sequence[int],
    view: str = "contiguous",
    cotangent: float = 1.0,
    operands: Sequence[Sequence[int]] = (),
    cotangent_bits: Sequence[int] = (),
    seed: int | None = None,
) -> str:
    """A script that needs PyTorch and NumPy alone: makes the tensor from its bits, asks, prints decimal and hexadecimal."""
    lines = ["import numpy as np", "import torch", "", "torch.set_num_threads(1)"]
    lines += [f"torch.manual_seed({seed})"] if seed is not None else []
    lines += made("x", "bits", dtype, input_bits, shape)
    lines += [_VIEWS[view]] if view in _VIEWS and shape else []
    names = binding.operands[: len(operands)]
    for name, bits in zip(names, operands):
        lines += made(name, f"{name}_bits", dtype if dtype in FLOATS else "float32", bits, (len(bits),))
    lines += [common.call_source(binding, binding.entry_point, arguments, operands=names)]
    if names and binding.weights:
        given = ", ".join(f'"{binding.weights[name]}": {name}' for name in names)
        lines[-1] = lines[-1].replace("f = ", "layer = ", 1)
        lines += [f"def f(x, {', '.join(names)}):", f"    return torch.func.functional_call(layer, {{{given}}}, (x,))"]
    elif (
        "layer" in binding.form and not binding.training and any(b.entry_point == binding.entry_point for b in _DRAWING)
    ):
        lines += ["f = f.eval()"]
    if mode == "compiled":
        lines += ["f = torch.compile(f)"]
    own = (".clone()" if binding.form.startswith("inplace") else "") + "".join(f", {name}" for name in names)
    lines += _ASKED[quantity].replace("CLONE", own).replace("OPERAND", "".join(names[:1])).splitlines()
    if cotangent_bits:
        cotangent_made = made("cotangent", "cotangent_bits", dtype, cotangent_bits, shape)
        lines[-1:] = [*cotangent_made, lines[-1].replace("torch.ones_like(v)", "cotangent")]
    elif cotangent != 1:
        lines[-1] = lines[-1].replace("torch.ones_like(v)", f"torch.full_like(v, {cotangent!r})")
        lines += [f"y = y / {cotangent!r}"]
    if seed is not None:
        lines += [_DRAWN, "y = y.flatten()[:8]", "v = v.flatten()[:8]" if quantity != "value" else ""]
    lines += ["", common.PRINT, BITS_OF + _SHOWN.replace("DTYPE", dtype)]
    lines += [_SHOWN_VALUE] if quantity == "value_and_gradient" else []
    return "\n".join(lines)


_VIEWS = {
    "strided": "x = x.repeat_interleave(2, -1)[..., ::2]",
    "offset": "x = torch.cat([x.flatten()[:1], x.flatten()])[1:].view(x.shape)",
    "transposed": "x = x.mT.contiguous().mT",
    "broadcast": "x = x[:1].expand(x.shape)",
}
_ASKED = {
    "value": "y = f(xCLONE)",
    "gradient": "x = x.requires_grad_()\nv = f(xCLONE)\n(y,) = torch.autograd.grad(v, x, torch.ones_like(v), allow_unused=True)",
    "forward_gradient": "_, y = torch.func.jvp(lambda x: f(xCLONE), (x,), (torch.ones_like(x),))",
    "second_derivative": (
        "x = x.requires_grad_()\nv = f(xCLONE)\n"
        "(g,) = torch.autograd.grad(v, x, torch.ones_like(v), create_graph=True)\n"
        "(y,) = torch.autograd.grad(g, x, torch.ones_like(g), allow_unused=True) if g.requires_grad else (None,)"
    ),
}

_ASKED["parameter_gradient"] = (
    "OPERAND = OPERAND.requires_grad_()\nv = f(xCLONE)\n"
    "(y,) = torch.autograd.grad(v, OPERAND, torch.ones_like(v), allow_unused=True)"
)
_ASKED["value_and_gradient"] = _ASKED["gradient"]
_DRAWING = tuple(binding for binding in BINDINGS if binding.training)
_DRAWN = """
slopes = (y if "v" not in globals() else v).detach().double() / x.detach().double()
slopes = slopes[(x < 0) & slopes.isfinite()]
if len(slopes):
    least, most = slopes.min().item(), slopes.max().item()
    print(f"{len(slopes)} slopes from {least} to {most}, mean {slopes.mean().item()}, variance {slopes.var().item()}")
print("of the first numbers:")"""
_SHOWN_VALUE = 'show("value", bits_of(v), str(v.dtype).rpartition(".")[2])\n'
_SHOWN = """
show("x", bits, "DTYPE")
show("y", None if y is None else bits_of(y), None if y is None else str(y.dtype).rpartition(".")[2])
"""


class PyTorch:
    """The adapter of PyTorch (see protocol.Backend)."""

    name = "torch"
    configurations = ("default",)
    modes = ("eager", "compiled")
    slow_modes = ("compiled",)
    recompiles = ("compiled",)
    views = ("contiguous", "strided", "offset", "transposed", "broadcast")
    bindings = BINDINGS
    tensor_bindings = TENSOR_BINDINGS
    not_supported = (
        r"not implemented for '\w+'",
        r"^NotImplementedError: ",  # Python's own word for what is lacking; nothing that we pass wrongly raises it
        r"inputs? (is |are )?not supported for \w+",
        r"Trying to use forward AD with \w+ that does not support it",
        r"does not currently support double backward",
        r"derivative for \S+ is not implemented",
        r"is not differentiable with respect to argument '\w+'",
        # torch.compile cannot put these into one graph, whatever the arguments are.
        r"Unsupported: Dynamic shape operator",
        r"Could not guard on data-dependent expression",
        r"backward calculation is triggered with a negative slope which is not supported",
    )
    immutable = False
    reproducer = staticmethod(reproducer)
    tensor_reproducer = staticmethod(tensor_reproducer)

    def __init__(self, configuration: str, device: str, threads: int) -> None:
        common.known(configuration, self.configurations, "PyTorch")
        # OpenMP reads this when PyTorch is loaded; set_num_threads alone leaves other OpenMP users their own pool.
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))
        import torch

        torch.set_num_threads(threads)
        try:
            torch.set_num_interop_threads(1)
        except RuntimeError:  # it may be set once a process, before the first parallel work
            pass
        if device == "cuda" and not torch.cuda.is_available():
            raise ValueError(f"PyTorch {torch.__version__} finds no CUDA device here; use --device cpu")
        self._torch: Any = torch
        self._device = torch.device(device)
        self._compiles = 0

    def versions(self) -> dict[str, str]:
        """Version of PyTorch, with its build tag (`2.13.0+cpu`)."""
        return {"torch": str(self._torch.__version__)}

    def tensor(self, array: Array, view: str = "contiguous") -> Any:
        """See protocol.Backend. The tensor owns its memory."""
        torch = self._torch
        dtype = getattr(torch, array.dtype, None)
        if dtype is None:
            raise NotSupported(f"module 'torch' has no attribute '{array.dtype}'")
        layout = common.lay_out(common.checked(array, view, self.views, "PyTorch"), view, common.filler(array.dtype))
        carrier = CARRIERS[layout.base.itemsize]
        base = torch.from_numpy(layout.base.view(carrier)).to(self._device).view(dtype)
        return base.as_strided(layout.shape, layout.strides, layout.offset)

    def array(self, tensor: Any) -> Array:
        """See protocol.Backend."""
        torch = self._torch
        if not isinstance(tensor, torch.Tensor):
            return bits_of(np.asarray(tensor))
        name = str(tensor.dtype).rpartition(".")[2]
        if name not in BITS:
            raise TypeError(f"a tensor of dtype {name} came back; bits are kept for {', '.join(BITS)}")
        # A derivative that is known to be zero may come without memory; a clone has it.
        numbers = tensor.detach().to("cpu").contiguous()
        numbers = numbers.clone() if numbers._is_zerotensor() else numbers
        carrier = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[numbers.element_size()]
        return Array(numbers.view(carrier).numpy().view(BITS[name]).copy(), name)

    def prepare(self, binding: Binding, arguments: Mapping[str, Any], quantity: str, mode: str, dtype: str) -> Call:
        """See protocol.Backend. In-place forms change the caller's tensor for `value`, a clone for derivatives."""
        common.known(mode, self.modes, "PyTorch")
        found = resolve(binding.entry_point)
        spelt = {**binding.keywords, **arguments}
        count = 1 + len(binding.operands)
        if binding.form in ("layer", "inplace_layer"):
            layer = found(**spelt).train(binding.training)
            function = self._of_weights(layer, binding) if binding.weights else layer
        else:

            def function(*tensors: Any) -> Any:
                return found(*tensors, **spelt)

        if mode == "compiled" and quantity != "forward_gradient":
            function = self._compiled(function)
        if quantity == "value":
            return lambda *tensors: (function(*tensors),)
        differentiable = _of_clone(function) if binding.form.startswith("inplace") else function
        if quantity in ("gradient", "parameter_gradient"):
            return self._gradient(differentiable, count, of=1 if quantity == "parameter_gradient" else 0)
        if quantity == "value_and_gradient":
            return self._gradient(differentiable, count, with_value=True)
        if quantity == "second_derivative":
            return self._second(differentiable, count)
        if mode == "compiled":
            return self._forward_compiled(differentiable, count)
        return self._forward(differentiable, count)

    def prepare_tensors(
        self,
        binding: TensorBinding,
        arguments: Mapping[str, Any],
        names: Sequence[str],
        quantity: str,
        wrt: str,
        mode: str,
        dtype: str,
    ) -> Call:
        """See protocol.Backend."""
        common.known(mode, self.modes, "PyTorch")
        return prepare(self._torch, self._compiled, binding, arguments, names, quantity, wrt, mode)

    def seed(self, number: int) -> None:
        """See protocol.Backend."""
        self._torch.manual_seed(number)

    def wait(self, outputs: Sequence[Any | None]) -> None:
        """On a GPU kernels run behind the caller's back."""
        if self._device.type == "cuda":
            self._torch.cuda.synchronize()

    def _of_weights(self, layer: Any, binding: Binding) -> Callable[..., Any]:
        """The layer as a function of x and its weights; of x alone, with those it starts with."""
        functional_call, names = self._torch.func.functional_call, tuple(binding.weights.values())

        def function(*tensors: Any) -> Any:
            if len(tensors) <= 1:
                return layer(*tensors)
            return functional_call(layer, dict(zip(names, tensors[1:])), tensors[:1])

        return function

    def _compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function under torch.compile, as one graph, with its parameters as constants.

        Dynamo keeps compiled graphs beside a function's code, and its guards do not tell builtin functions in closures
        apart: gelu would get sigmoid's graph. So what is compiled gets code of its own.
        """
        config = importlib.import_module("torch._dynamo.config")
        # Beyond these limits PyTorch runs the function uncompiled and does not say so.
        for limit in (
            "recompile_limit",
            "accumulated_recompile_limit",
            "cache_size_limit",
            "accumulated_cache_size_limit",
        ):
            if hasattr(config, limit):
                setattr(config, limit, 1_000_000)
        if hasattr(config, "specialize_float"):
            config.specialize_float = True  # type: ignore[attr-defined]  # settings are made at run time
        # Without this a second derivative is refused for a reason of memory, and not for the reason that it has.
        functorch = importlib.import_module("torch._functorch.config")
        if hasattr(functorch, "donated_buffer"):
            functorch.donated_buffer = False  # type: ignore[attr-defined]  # as above
        self._compiles += 1

        def asked(*tensors: Any) -> Any:
            return function(*tensors)

        asked.__code__ = asked.__code__.replace(co_name=f"asked_{self._compiles}")
        compiled: Callable[..., Any] = self._torch.compile(asked, fullgraph=True, dynamic=False)
        return compiled

    def _forward_compiled(self, function: Callable[..., Any], count: int) -> Call:
        torch = self._torch

        def derivative(tangent: Any, x: Any, *operands: Any) -> Any:
            return torch.func.jvp(lambda x: function(x, *operands), (x,), (tangent,))[1]

        asked = self._compiled(derivative)

        def forward(x: Any, *rest: Any) -> Sequence[Any | None]:
            operands, tangent = _split(rest, count, torch.ones_like(x))
            return (asked(tangent, x, *operands),)

        return forward

    def _gradient(self, function: Callable[..., Any], count: int, of: int = 0, with_value: bool = False) -> Call:
        """The derivative in the tensor at index `of`, behind the value if that is wanted too."""
        torch = self._torch

        def gradient(*tensors: Any) -> Sequence[Any | None]:
            asked, given = list(tensors[:count]), tensors[count:]
            asked[of] = asked[of].detach().requires_grad_()
            y = function(*asked)
            if not y.requires_grad:
                return (y, None) if with_value else (None,)
            cotangent = given[0] if given else torch.ones_like(y)
            derivative = torch.autograd.grad(y, asked[of], cotangent, allow_unused=True)
            return (y, *derivative) if with_value else tuple(derivative)

        return gradient

    def _second(self, function: Callable[..., Any], count: int) -> Call:
        torch = self._torch

        def second(x: Any, *rest: Any) -> Sequence[Any | None]:
            operands, cotangent = _split(rest, count, None)
            x = x.detach().requires_grad_()
            y = function(x, *operands)
            if not y.requires_grad:
                return (None,)
            (first,) = torch.autograd.grad(y, x, torch.ones_like(y), create_graph=True, allow_unused=True)
            if first is None or not first.requires_grad:
                return (None,)
            given = torch.ones_like(first) if cotangent is None else cotangent
            return tuple(torch.autograd.grad(first, x, given, allow_unused=True))

        return second

    def _forward(self, function: Callable[..., Any], count: int) -> Call:
        torch = self._torch
        forward_ad = importlib.import_module("torch.autograd.forward_ad")

        def forward(x: Any, *rest: Any) -> Sequence[Any | None]:
            # The tangent takes the layout of its tensor, and can't be written where elements share memory.
            x = x.detach().clone() if 0 in x.stride() else x.detach()
            operands, tangent = _split(rest, count, torch.ones_like(x))
            with forward_ad.dual_level():
                dual = forward_ad.make_dual(x, tangent)
                return (forward_ad.unpack_dual(function(dual, *operands)).tangent,)

        return forward


def _of_clone(function: Callable[..., Any]) -> Callable[..., Any]:
    # Autograd refuses to change a leaf in place.
    return lambda x, *operands: function(x.clone(), *operands)


def _split(rest: Sequence[Any], count: int, otherwise: Any) -> tuple[Sequence[Any], Any]:
    """What follows x: the other tensors, `count` with x, and a tangent or cotangent, or `otherwise`."""
    return rest[: count - 1], rest[count - 1] if len(rest) >= count else otherwise
