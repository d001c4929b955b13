"""The page of a function of tensors: what to write, how options are spelt, and that the terminal and JSON show all of it."""

from __future__ import annotations

import importlib
import json
import math
from typing import Any

import pytest

from conformance import registry
from conformance.standard import TENSOR_FUNCTIONS, rules_of
from conformance.standard.tensors import KINDS

pages: Any = importlib.import_module("conformance.reports.tensor_page")
calls: Any = importlib.import_module("conformance.reports.calls")
Binding: Any = importlib.import_module("conformance.backends.protocol").TensorBinding
page_of, document_of, told = (
    registry.load(f"conformance.reports.function_page:{name}") for name in ("page_of", "document_of", "told")
)
show, text_of = (registry.load(f"conformance.reports.terminal:{name}") for name in ("show", "text_of"))

BINDINGS = {name: registry.backend(name).tensor_bindings for name in registry.BACKENDS}


def spellings(function: str) -> dict[str, Any]:
    return {one.entry_point: one for one in page_of(TENSOR_FUNCTIONS[function], BINDINGS).spellings}


WRITTEN = {
    ("huber", "torch.nn.functional.huber_loss"): 'torch.nn.functional.huber_loss(prediction, target, delta=1.0, reduction="none")',
    ("huber", "torch.nn.HuberLoss"): 'torch.nn.HuberLoss(delta=1.0, reduction="none")(prediction, target)',
    ("huber", "keras.losses.huber"): "keras.losses.huber(target, prediction, delta=1.0)",
    ("softmax", "torch.nn.functional.softmax"): "torch.nn.functional.softmax(x, dim=-1)",
    ("softmax", "jax.nn.softmax"): "jax.nn.softmax(x)",
    ("logsumexp", "jax.nn.logsumexp"): "jax.nn.logsumexp(x, axis=-1)",
    ("cross_entropy", "torch.nn.functional.cross_entropy"): (
        'torch.nn.functional.cross_entropy(logits, labels, ignore_index=-100, label_smoothing=0.0, reduction="none")'
    ),
    ("fenchel_young", "optax.losses.make_fenchel_young_loss(max_fun='callable:jax.nn.logsumexp')"): (
        "optax.losses.make_fenchel_young_loss(max_fun=jax.nn.logsumexp)(scores, target)"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("function", "entry_point"), WRITTEN)
def test_what_to_write(function: str, entry_point: str) -> None:
    spelling = spellings(function)[entry_point]
    assert spelling.write == WRITTEN[function, entry_point]
    assert spelling.why_not == spelling.nearest == ""


def test_what_a_call_puts_together_is_said() -> None:
    assert spellings("huber")["keras.losses.huber"].conditions == ("gives the mean along the last axis",)
    assert spellings("kl_divergence")["optax.losses.kl_divergence"].conditions == ("gives the sum along the last axis",)
    assert spellings("huber")["optax.losses.huber_loss"].conditions == ()
    assert "log_probabilities is [time, batch, classes]" in spellings("ctc")["torch.nn.CTCLoss"].conditions
    assert spellings("nll")["torch.nn.NLLLoss"].conditions == ("the dimension classes is axis 1",)


def test_an_entry_point_that_cannot_says_which_option_is_other_and_what_comes_nearest() -> None:
    half = spellings("squared_error")["optax.losses.l2_loss"]
    assert (half.write, half.nearest) == ("", "optax.losses.l2_loss(prediction, target)")
    assert half.why_not == "factor is always 0.5 here, and 1 in the standard"
    assert told(half) == "optax.losses.l2_loss: factor is always 0.5 here, and 1 in the standard"
    whole = spellings("squared_error")["optax.losses.squared_error"]
    assert told(whole) == whole.write == "optax.losses.squared_error(prediction, target)"
    keras = spellings("huber")["keras.losses.huber"]
    assert told(keras) == f"{keras.write}  # gives the mean along the last axis"


def made_up(**more: Any) -> Any:
    """The spelling of a made-up entry point of huber."""
    binding = Binding("huber", "a.huber", positional=("prediction", "target"), **more)
    (spelling,) = page_of(TENSOR_FUNCTIONS["huber"], {"a": [binding]}).spellings
    return spelling


def test_the_values_of_a_binding_decide() -> None:
    assert made_up().write == "a.huber(prediction, target)"
    assert made_up(fixed={"delta": 1}).write == "a.huber(prediction, target)"
    assert made_up(fixed={"delta": True}).why_not == "delta is always True here, and 1 in the standard"
    assert (
        made_up(parameters={"delta": "d"}, spelt={"delta": {"1.0": "one"}}).write
        == 'a.huber(prediction, target, d="one")'
    )
    assert made_up(parameters={"delta": "d"}, spelt={"delta": {"2.0": "two"}}).why_not == "delta can't be 1 here"
    reduced = {"parameters": {"reduction": "how"}, "defaults": {"reduction": "mean"}}
    assert made_up(**reduced).write == 'a.huber(prediction, target, how="none")'
    only = made_up(**reduced, spelt={"reduction": {"mean": "avg", "sum": "sum"}})
    assert (only.write, only.conditions) == ("a.huber(prediction, target)", ("gives the mean of all results",))
    given = made_up(named={"weight": "w"})
    assert given.write == "a.huber(prediction, target)"
    assert made_up(named={"weight": "w"}, required=("weight",)).write == "a.huber(prediction, target, w=weight)"
    assert made_up(form="layer", keywords={"k": 'a"b'}).write == 'a.huber(k="a\\"b")(prediction, target)'
    assert made_up(squeezed=-1).conditions == ("it takes no dimension before the core",)
    assert made_up(whole=1).write == "a.huber(prediction, target)[1]"


def test_what_a_value_brings_with_it_is_no_option() -> None:
    binding = Binding(
        "ctc", "a.ctc", positional=("log_probabilities", "labels", "input_length", "label_length"),
        fixed={"normalise": False, "reduction": "mean"}, implied={"reduction=mean": {"normalise": True}},
    )  # fmt: skip
    (spelling,) = page_of(TENSOR_FUNCTIONS["ctc"], {"a": [binding]}).spellings
    assert spelling.why_not == "normalise is True with reduction mean, and False in the standard"


@pytest.mark.parametrize(
    ("value", "source"),
    [
        (math.inf, 'float("inf")'), (1e-7, "1e-07"), (None, "None"), (True, "True"), ("none", '"none"'), ((-1,), "(-1,)"), ((0, 1), "(0, 1)"),
        ("callable:jax.numpy.sum", "jax.numpy.sum"), ("called:torch.nn.Options", "torch.nn.Options()"), ("size:linear_weight:1", "linear_weight.shape[1]"),
    ],
)  # fmt: skip
def test_a_value_as_source(value: Any, source: str) -> None:
    assert calls.code_of(value) == source


def test_settings_side_by_side() -> None:
    page = page_of(TENSOR_FUNCTIONS["huber"], BINDINGS)
    assert [setting.name for setting in page.settings] == ["delta", "reduction", "rows", "axis"]
    keras = spellings("huber")["keras.losses.Huber"]
    assert keras.keywords == ("delta", "reduction", "", "")
    assert keras.defaults == ("1", "mean", "mean", "-1")
    assert keras.differs == (False, True, True, False)
    assert keras.spelt[1] == 'one of none, sum, mean: "sum_over_batch_size", weighted_mean: "mean_with_sample_weight"'
    assert spellings("huber")["torch.nn.HuberLoss"].spelt[1] == "one of none, mean, sum"
    assert spellings("cross_entropy")["torch.nn.CrossEntropyLoss"].spelt[0] == "None is spelt -100"


@pytest.mark.parametrize("name", TENSOR_FUNCTIONS)
def test_the_page_of_every_function_is_whole(name: str) -> None:
    function = TENSOR_FUNCTIONS[name]
    page = page_of(function, BINDINGS)
    content = text_of(show(function, BINDINGS), 80)
    assert function.title in content
    assert max(map(len, content.splitlines())) <= 80
    for rule in rules_of(function):
        assert f"{rule.id}  {rule.level.value}\n" in content
    for spelling in page.spellings:
        assert (
            len(spelling.keywords)
            == len(spelling.defaults)
            == len(spelling.spelt)
            == len(spelling.differs)
            == len(page.settings)
        )
    assert {spelling.backend for spelling in page.spellings} | set(page.not_provided) == set(BINDINGS)
    made = json.loads(json.dumps(document_of(page), allow_nan=False))
    assert made["schema"] == 1
    assert [rule["id"] for rule in made["rules"]] == [rule.id for rule in rules_of(function)]
    assert [argument["takes"] for argument in made["arguments"]] == [
        KINDS[argument.kind] for argument in page.arguments
    ]
    assert [edge["place"] for edge in made["edges"]] == [edge.name for edge in function.edges]
    assert made["limits"] == made["kinks"] == made["landmarks"] == []
    assert made["not_provided"] == list(page.not_provided)


def test_what_stands_at_a_place() -> None:
    edges = {edge.name.rpartition(": ")[2]: edge for edge in TENSOR_FUNCTIONS["huber"].edges}
    assert pages.place_of(edges["square would overflow"]) == "prediction = largest, target = 1"
    assert pages.place_of(edges["never linear"]) == "prediction = 100, target = -20; with delta = inf"
    many = next(edge for edge in TENSOR_FUNCTIONS["ctc"].edges if "log_probabilities" in edge.arguments)
    assert " numbers" in pages.place_of(many)
