"""Faults planted in a copy of the installed JAX, as data, and what makes such a copy.

Each is what somebody might get wrong in `jax.nn`: a few lines in front of, or instead of, what stands there. Knows JAX's
source; knows no judge beyond the names of the rules under which a fault must show.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

EDITED = Path("jax/_src/nn/functions.py")
"""Where `jax.nn` is written. Everything else of the copy is a link to the original."""

PRELUDE = '''

# From here on: a fault, planted by the tests of nnconform.
def _slope(f):
  """The derivative of f, as JAX has it."""
  return lambda x: api.jvp(f, (x,), (jnp.ones_like(x),))[1]

def _with(value, derivative):
  """A function that has this value and this derivative."""
  planted = custom_derivatives.custom_jvp(value)
  planted.defjvp(lambda primals, tangents: (planted(*primals), derivative(*primals) * tangents[0]))
  return planted

import itertools
_calls = itertools.count()

def _is_traced(x):
  return isinstance(x, core.Tracer)

def _absolute(value):
  """A function whose derivative forgets the sign of what it is multiplied by; a derivative that is not linear."""
  planted = custom_derivatives.custom_vjp(value)
  planted.defvjp(lambda x: (value(x), x), lambda x, g: (api.vjp(value, x)[1](jnp.abs(g))[0],))
  return planted

def _vjp_only(value):
  """A function that can be differentiated in reverse mode alone."""
  planted = custom_derivatives.custom_vjp(value)
  planted.defvjp(lambda x: (value(x), x), lambda x, g: (api.vjp(value, x)[1](g)[0],))
  return planted

'''


@dataclass(frozen=True)
class Mutant:
    """One fault. `code` follows the prelude at the end of the module, or, where `old` is given, replaces that text.

    rules    names of rules, without the function, under each of which a finding must be new or changed
    dtypes   what must be asked for it to show
    tier     how much must be asked for it to show
    """

    name: str
    function: str
    code: str
    rules: tuple[str, ...]
    old: str = ""
    dtypes: tuple[str, ...] = ("bfloat16", "float32")
    tier: str = "default"


def planted(source: str, mutants: tuple[Mutant, ...]) -> str:
    """The text of the module with these faults. Raises ValueError if a text to be replaced does not occur just once."""
    for mutant in mutants:
        if mutant.old and source.count(mutant.old) != 1:
            raise ValueError(
                f"{mutant.name}: {mutant.old!r} occurs {source.count(mutant.old)} times in {EDITED}, once is due"
            )
        source = source.replace(mutant.old, mutant.code) if mutant.old else source
    return source + PRELUDE + "\n".join(mutant.code for mutant in mutants if not mutant.old)


def copy_of(site_packages: Path, into: Path, mutants: tuple[Mutant, ...]) -> Path:
    """A folder for the front of PYTHONPATH with JAX as it is installed, but for these faults."""
    return copy_with(
        site_packages, into, EDITED, planted((site_packages / EDITED).read_text(encoding="utf-8"), mutants)
    )


def copy_with(site_packages: Path, into: Path, edited: Path, text: str) -> Path:
    """A folder for the front of PYTHONPATH with the package that `edited` is in as it is installed, but for the text of that module.

    Other modules of that package may be in the folder already, if they were edited too.
    """
    original, here = site_packages, into
    for part in edited.parts:
        here.mkdir(parents=True, exist_ok=True)
        for neighbour in original.iterdir() if original != site_packages else ():
            # Not the compiled bytecode of the edited module: a link would have Python write over the original's.
            if neighbour.name not in (part, "__pycache__") and not (here / neighbour.name).exists():
                (here / neighbour.name).symlink_to(neighbour)
        original, here = original / part, here / part
        if here.is_symlink():  # a neighbour of what was edited before
            here.unlink()
    here.write_text(text, encoding="utf-8")
    return into


def _unary(function: str, body: str) -> str:
    """A function of x alone, in terms of `_right`, the function as it was; `body` is an expression."""
    names = {
        "leaky_relu": ("x, negative_slope=1e-2", "_right_{f}(x, negative_slope)"),
        "gelu": ("x, approximate=True", "_right_{f}(x, approximate)"),
    }
    arguments, call = names.get(function, ("x", "_right_{f}(x)"))
    also = "\nhard_swish = hard_silu" if function == "hard_silu" else ""
    lines = [
        f"_right_{function} = {function}",
        f"def {function}({arguments}):",
        f"  _right = lambda x: {call.format(f=function)}",
        f"  return {body}{also}",
    ]
    return "\n".join(lines) + "\n"


def _wrong(name: str, function: str, body: str, *rules: str, **asked: Any) -> Mutant:
    """A mutant by `_unary`; `asked` are its dtypes and tier."""
    standard = {"hard_silu": "hard_swish"}.get(function, function)
    return Mutant(name, standard, _unary(function, body), rules, **asked)


BOTH = ("value", "gradient")

MUTANTS = (
    # Constants.
    _wrong("value off by 1e-3", "relu", "_right(x) * (1 + 1e-3)", *BOTH),
    _wrong("value off by 1e-6", "sigmoid", "_right(x) * (1 + 1e-6)", *BOTH),
    _wrong("value off by 1e-6 in gelu", "gelu", "_right(x) * (1 + 1e-6)", *BOTH),
    _wrong("value off by 1e-6 in softplus", "softplus", "_right(x) * (1 + 1e-6)", *BOTH),
    _wrong("value off by 1e-6 in leaky_relu", "leaky_relu", "_right(x) * (1 + 1e-6)", *BOTH),
    Mutant("sqrt(1/2) off by 1e-6", "gelu", "np.sqrt(0.5 + 5e-7)", ("value", "gradient", "second_derivative"), old="np.sqrt(0.5)"),
    Mutant("half is 0.500001", "gelu", "0.500001 * x_arr * (lax.erfc", BOTH, old="0.5 * x_arr * (lax.erfc"),
    Mutant("erf instead of erfc", "gelu", "(1 + lax.erf(x_arr * sqrt_half))", ("value",), old="(lax.erfc(-x_arr * sqrt_half))"),
    Mutant("always the approximation by tanh", "gelu", "  if True:\n    sqrt_2_over_pi", ("value",), old="  if approximate:\n    sqrt_2_over_pi"),
    Mutant("keyword approximate negated", "gelu", "  if not approximate:\n    sqrt_2_over_pi", ("value",), old="  if approximate:\n    sqrt_2_over_pi"),
    Mutant("shift of 3 is 3.000001", "hard_swish", "return relu6(x + 3.000001) / 6.", ("value",), old="return relu6(x + 3.) / 6."),
    Mutant("divided by 6.0001", "hard_swish", "return relu6(x + 3.) / 6.0001", ("value",), old="return relu6(x + 3.) / 6."),
    _wrong("clipped at 6.0001", "hard_silu", "x * jnp.clip(x + 3, 0, 6.0001) / 6", "value", "gradient"),
    _wrong("clipped at 5.99", "hard_silu", "x * jnp.clip(x + 3, 0, 5.99) / 6", "value", "gradient"),
    # Special values.
    _wrong("NaN swallowed", "relu", "jnp.where(x > 0, x, 0).astype(x.dtype)", "nan"),
    _wrong("NaN swallowed by sigmoid", "sigmoid", "jnp.where(jnp.isnan(x), 0, _right(x)).astype(x.dtype)", "nan"),
    _wrong("NaN becomes +inf", "softplus", "jnp.where(jnp.isnan(x), jnp.inf, _right(x)).astype(x.dtype)", "nan"),
    _wrong("-0 lost", "hard_silu", "_right(x) + 0.0", "signed_zero"),
    _wrong("-0 lost in gelu", "gelu", "jnp.where(x == 0, 0.0, _right(x)).astype(x.dtype)", "signed_zero"),
    _wrong("relu(-0) is -0", "relu", "_with(lambda x: jnp.where(x < 0, 0, x).astype(x.dtype), _slope(_right))(x)", "signed_zero.convention"),
    _wrong("NaN at +inf", "sigmoid", "_with(lambda x: jnp.where(x == jnp.inf, jnp.nan, _right(x)).astype(x.dtype), _slope(_right))(x)", "limit.+inf"),
    _wrong("sign of the underflow lost", "gelu", "_with(lambda x: jnp.where(_right(x) == 0, 0.0, _right(x)).astype(x.dtype), _slope(_right))(x)", "underflow_sign"),
    _wrong("saturates early", "sigmoid", "jnp.where(x > 8, 1.0, jnp.where(x < -8, 0.0, _right(x))).astype(x.dtype)", *BOTH),
    _wrong("saturates at 15", "sigmoid", "jnp.where(x < -15, 0.0, _right(x)).astype(x.dtype)", "value"),
    _wrong("overflows early", "softplus", "jnp.log(1 + jnp.exp(x))", "value", "gradient"),
    _wrong("threshold at 20", "softplus", "jnp.where(x > 20, x, _right(x)).astype(x.dtype)", "value", dtypes=("float64",)),
    _wrong("threshold at 15", "softplus", "jnp.where(x > 15, x, _right(x)).astype(x.dtype)", "value", dtypes=("float64",)),
    _wrong("log1p(exp(-x)) dropped below", "softplus", "jnp.where(x < -15, jnp.exp(x) * 0, _right(x)).astype(x.dtype)", "value"),
    _wrong("largest number instead of infinity", "leaky_relu", "jnp.clip(_right(x), -dtypes.finfo(x.dtype).max, dtypes.finfo(x.dtype).max)", "limit.+inf"),
    _wrong("subnormal results flushed", "relu", "_with(lambda x: jnp.where(jnp.abs(x) < dtypes.finfo(x.dtype).tiny, 0.0, _right(x)).astype(x.dtype), _slope(_right))(x)", "flush", dtypes=("float16",)),
    # Derivatives.
    _wrong("relu'(0) = 1", "relu", "_with(_right, lambda x: (x >= 0).astype(x.dtype))(x)", "kink.0.convention"),
    _wrong("relu'(0) = 1/2", "relu", "_with(_right, lambda x: jnp.where(x == 0, 0.5, x > 0).astype(x.dtype))(x)", "kink.0.convention"),
    _wrong("relu'(0) = 2", "relu", "_with(_right, lambda x: jnp.where(x == 0, 2.0, x > 0).astype(x.dtype))(x)", "kink.0"),
    Mutant("> instead of >= at the kink", "leaky_relu", "return jnp.where(x_arr > 0, x_arr, negative_slope * x_arr)", ("kink.0.convention",), old="return jnp.where(x_arr >= 0, x_arr, negative_slope * x_arr)"),
    _wrong("other side of the kink at 3", "hard_silu", "_with(_right, lambda x: jnp.where(x == 3, 1.5, _slope(_right)(x)).astype(x.dtype))(x)", "kink.3.convention"),
    _wrong("no subgradient at -3", "hard_silu", "_with(_right, lambda x: jnp.where(x == -3, 0.25, _slope(_right)(x)).astype(x.dtype))(x)", "kink.-3"),
    _wrong("gradient of the wrong sign", "softplus", "_with(_right, lambda x: -_slope(_right)(x))(x)", "gradient", "gradient.forward"),
    _wrong("tangent dropped", "gelu", "lax.stop_gradient(_right(x))", "gradient", "gradient.forward", "second_derivative"),
    _wrong("cotangent's sign ignored", "relu", "_absolute(_right)(x)", "gradient.cotangent"),
    _wrong("gradient at +inf is 0", "relu", "_with(_right, lambda x: ((x > 0) & (x < jnp.inf)).astype(x.dtype))(x)", "gradient.limit.+inf"),
    _wrong("gradient at -inf is NaN", "sigmoid", "_with(_right, lambda x: jnp.where(x == -jnp.inf, jnp.nan, _slope(_right)(x)).astype(x.dtype))(x)", "gradient.limit.-inf"),
    _wrong("gradient at NaN is 0", "sigmoid", "_with(_right, lambda x: jnp.where(jnp.isnan(x), 0, _slope(_right)(x)).astype(x.dtype))(x)", "gradient.nan"),
    _wrong("gradient zero beyond 5", "gelu", "_with(_right, lambda x: jnp.where(jnp.abs(x) > 5, (x > 0), _slope(_right)(x)).astype(x.dtype))(x)", "gradient"),
    _wrong("gradient off by 1e-6", "softplus", "_with(_right, lambda x: _slope(_right)(x) * (1 + 1e-6))(x)", "gradient"),
    _wrong("second derivative only", "softplus", "_with(_right, _with(_slope(_right), lambda x: 1.001 * _slope(_slope(_right))(x)))(x)", "second_derivative"),
    _wrong("second derivative zero", "gelu", "_with(_right, lambda x: lax.stop_gradient(_slope(_right)(x)))(x)", "second_derivative"),
    _wrong("second derivative of relu is 1", "relu", "_with(_right, _with(_slope(_right), lambda x: jnp.ones_like(x)))(x)", "second_derivative"),
    # Only sometimes.
    _wrong("only in bfloat16", "gelu", "_right(x) * (1.02 if x.dtype == jnp.bfloat16 else 1)", "value"),
    _wrong("only in float16", "sigmoid", "_right(x) * (1.02 if x.dtype == jnp.float16 else 1)", "value", dtypes=("float16",)),
    _wrong("only in float64", "gelu", "_right(x) * (1 + 1e-9 if x.dtype == np.float64 else 1)", "value", dtypes=("float64",)),
    _wrong("float64 computed in float32", "leaky_relu", "_right(x.astype(np.float32)).astype(x.dtype) if x.dtype == np.float64 else _right(x)", "value", dtypes=("float64",)),
    _wrong("only when compiled", "gelu", "_right(x) * (1.01 if _is_traced(x) else 1)", "value"),
    _wrong("only when compiled: relu", "relu", "_right(x) * (1.01 if _is_traced(x) else 1)", "value"),
    _wrong("only eager", "leaky_relu", "_right(x) * (1 if _is_traced(x) else 1.01)", "value"),
    _wrong("only from length 17", "gelu", "_right(x) * (1.01 if x.size >= 17 else 1)", "value", "invariance.length"),
    _wrong("only at length 1", "sigmoid", "_right(x) * (1.01 if x.shape == (1,) else 1)", "invariance.length"),
    _wrong("only at length 7", "sigmoid", "_right(x) * (1.01 if x.shape == (7,) else 1)", "invariance.length"),
    _wrong("only at length 3", "relu", "_right(x) * (1.01 if x.shape == (3,) else 1)", "invariance.length", tier="deep"),
    _wrong("only at lengths 32 to 64", "relu", "_right(x) * (1.01 if 32 <= x.size <= 64 else 1)", "invariance.length", tier="deep"),
    _wrong("only at length 16", "relu", "_right(x) * (1.01 if x.shape == (16,) else 1)", "invariance.length", tier="deep"),
    _wrong("only rank 0", "softplus", "_right(x) * (1.01 if x.ndim == 0 else 1)", "invariance.length"),
    _wrong("only rank 2", "hard_silu", "_right(x) * (1.01 if x.ndim == 2 else 1)", "invariance.batch"),
    _wrong("only rank 4", "relu", "_right(x) * (1.01 if x.ndim == 4 else 1)", "invariance.batch"),
    _wrong("only rank 5", "relu", "_right(x) * (1.01 if x.ndim == 5 else 1)", "invariance.batch", tier="deep"),
    _wrong("only gradient of rank 2", "softplus", "_with(_right, lambda x: _slope(_right)(x) * (1.01 if x.ndim == 2 else 1))(x)", "invariance.batch"),
    _wrong("first element doubled", "leaky_relu", "_right(x) * (1 + (jnp.arange(x.size) == 0).reshape(x.shape))", "invariance.position"),
    _wrong("last element NaN", "relu", "_with(lambda x: jnp.where((jnp.arange(x.size) == x.size - 1).reshape(x.shape), jnp.nan, _right(x)).astype(x.dtype), _slope(_right))(x)", "invariance.position"),
    _wrong("every fourth element careless", "sigmoid", "_right(x) * (1 + 0.01 * (jnp.arange(x.size) % 4 == 3).reshape(x.shape)).astype(x.dtype)", "value", "invariance.position"),
    _wrong("columns swapped", "relu", "_right(x[..., ::-1]) if x.ndim == 3 else _right(x)", "invariance.batch"),
    # Dtypes and shapes.
    _wrong("dtype promoted", "hard_silu", "_right(x).astype(jnp.float32)", "dtype.preserved"),
    _wrong("dtype promoted by the gradient's rule", "relu", "_with(_right, lambda x: (x > 0).astype(x.dtype))(x.astype(jnp.float32)).astype(x.dtype) if x.dtype == jnp.float16 else _right(x).astype(jnp.float32) if x.dtype == jnp.bfloat16 else _right(x)", "dtype.preserved"),
    _wrong("integers truncated", "sigmoid", "_right(x) if jnp.issubdtype(x.dtype, np.floating) else _right(x.astype(np.float32)).astype(x.dtype)", "dtype.integer", dtypes=("int8", "int32", "uint8")),
    _wrong("integers halved", "relu", "_right(x) if jnp.issubdtype(x.dtype, np.floating) else _right(x) // 2", "dtype.integer", dtypes=("int8", "int32", "uint8")),
    _wrong("scalars gain a dimension", "softplus", "_right(x) if x.ndim else _right(x)[None]", "shape.scalar"),
    _wrong("flattened", "relu", "_right(x).reshape(-1) if x.ndim == 3 else _right(x)", "shape"),
    _wrong("squeezed", "relu", "jnp.squeeze(_right(x)) if x.ndim > 2 else _right(x)", "shape"),
    _wrong("empty fails", "hard_silu", "_right(x) + 0 * jnp.max(jnp.where(jnp.isfinite(x), x, 0)).astype(x.dtype)", "shape.empty"),
    _wrong("empty loses its shape", "relu", "_right(x) if x.size else jnp.zeros((0,), x.dtype)", "shape.empty"),
    # Calls.
    _wrong("None accepted", "relu", "_right(jnp.zeros(3) if x is None else x)", "errors.argument"),
    _wrong("text accepted", "gelu", "_right(jnp.zeros(3) if isinstance(x, str) else x)", "errors.argument"),
    Mutant("argument optional", "softplus", "_right_softplus = softplus\ndef softplus(x=0.0):\n  return _right_softplus(x)\n", ("errors.argument",)),
    Mutant("unknown keywords swallowed", "sigmoid", "_right_sigmoid = sigmoid\ndef sigmoid(x, **ignored):\n  return _right_sigmoid(x)\n", ("errors.argument",)),
    Mutant("slope may be a text", "leaky_relu", "_right_leaky = leaky_relu\ndef leaky_relu(x, negative_slope=1e-2):\n  return _right_leaky(x, float(negative_slope) if isinstance(negative_slope, str) else negative_slope)\n", ("errors.parameter_type",)),
    Mutant("default slope 0.02", "leaky_relu", "def leaky_relu(x: ArrayLike, negative_slope: ArrayLike = 2e-2)", ("defaults",), old="def leaky_relu(x: ArrayLike, negative_slope: ArrayLike = 1e-2)"),
    Mutant("slope renamed", "leaky_relu", "_right_leaky = leaky_relu\ndef leaky_relu(x, slope=1e-2):\n  return _right_leaky(x, slope)\n", BOTH),
    Mutant("slope ignored", "leaky_relu", "_right_leaky = leaky_relu\ndef leaky_relu(x, negative_slope=1e-2):\n  return _right_leaky(x, 1e-2)\n", BOTH),
    Mutant("slope clipped to 0..1", "leaky_relu", "_right_leaky = leaky_relu\ndef leaky_relu(x, negative_slope=1e-2):\n  return _right_leaky(x, min(max(negative_slope, 0), 1))\n", ("value",)),
    Mutant("slope in float16", "leaky_relu", "_right_leaky = leaky_relu\ndef leaky_relu(x, negative_slope=1e-2):\n  return _right_leaky(x, float(np.float16(negative_slope)))\n", ("value", "gradient")),
    Mutant("maximum of both branches", "leaky_relu", "return jnp.maximum(x_arr, negative_slope * x_arr)", ("value",), old="return jnp.where(x_arr >= 0, x_arr, negative_slope * x_arr)"),
    # Aliases.
    Mutant("alias differs", "hard_swish", "_right_silu = hard_silu\ndef hard_swish(x):\n  return _right_silu(x) * 1.01\n", ("value", "invariance.entry_point")),
    Mutant("alias differs by one rounding", "hard_swish", "def hard_swish(x):\n  return x * jnp.clip(x + 3, 0, 6) * (1 / 6)\n", ("invariance.bits",)),
    Mutant("alias loses NaN", "hard_swish", "_right_silu = hard_silu\ndef hard_swish(x):\n  return jnp.where(jnp.isnan(x), 0, _right_silu(x)).astype(x.dtype)\n", ("nan", "invariance.entry_point")),
    _wrong("one unit in the last place", "sigmoid", "_with(lambda x: _right(x) * (1 - dtypes.finfo(x.dtype).eps / 2), _slope(_right))(x)", "invariance.bits"),
    # Runs.
    _wrong("another answer at each call", "gelu", "_right(x) * (1 + next(_calls) * 1e-4)", "invariance.repetition"),
    _wrong("another answer now and then", "gelu", "_right(x) * (2 if next(_calls) % 8 == 5 else 1)", "value"),
    _wrong("input perturbed", "softplus", "_right(x * (1 + 1e-5))", "value"),
    _wrong("input perturbed by 1e-6", "gelu", "_right(x * (1 + 1e-6))", "value"),
    _wrong("input rounded to 1/1024", "sigmoid", "_right(jnp.round(x * 1024) / 1024)", "value"),
    Mutant("argument donated", "relu", "relu = api.jit(relu, donate_argnums=(0,))\n", ("purity",)),
    _wrong("forward mode lost", "relu", "_vjp_only(_right)(x)", "gradient.forward"),
    _wrong("one number wrong", "sigmoid", "jnp.where(x == 0.5, 0.75, _right(x)).astype(x.dtype)", "value"),
    _wrong("wrong between 1.5 and 1.52", "softplus", "jnp.where((x > 1.5) & (x < 1.52), 0, _right(x)).astype(x.dtype)", "value"),
    _wrong("not monotone within the bar", "sigmoid", "_with(lambda x: _right(x) * (1 - 2e-7 * (jnp.arange(x.size) % 2).reshape(x.shape).astype(x.dtype)), _slope(_right))(x)", "property.nondecreasing"),
    _wrong("below zero", "softplus", "_right(x) - dtypes.finfo(x.dtype).tiny", "property.range"),
)  # fmt: skip
