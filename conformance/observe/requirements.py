"""What requirements ask for: which backends they are about, and what those need besides.

Knows the names of distributions, as data; installs nothing and imports no framework.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from platform import machine

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

FRAMEWORKS: Mapping[str, str] = {
    "jax": "jax",
    "jaxlib": "jax",
    "optax": "jax",
    "torch": "torch",
    "tensorflow": "tensorflow",
    "tensorflow-cpu": "tensorflow",
    "keras": "tensorflow",
    "numpy": "numpy",
    "scipy": "numpy",
    "ml-dtypes": "numpy",
}
"""Distribution -> the backend that measures it."""

BASE = "numpy"
"""The backend of what the other frameworks stand on: naming it beside one of them means its version, not the backend."""

TENSORFLOW = "tensorflow-cpu" if sys.platform.startswith("linux") and machine() in ("x86_64", "AMD64") else "tensorflow"
"""The build without CUDA support where there is one: the same framework in a third of the space."""


@dataclass(frozen=True)
class Need:
    """What a backend needs, or a release of a distribution: any release where `releases` is empty."""

    of: str
    releases: str
    needed: str
    reason: str


NEEDS: tuple[Need, ...] = (
    Need("numpy", "", "numpy", ""),
    Need("numpy", "", "scipy", "the NumPy backend takes erf from SciPy"),
    Need("numpy", "", "ml-dtypes", "bfloat16 for NumPy"),
    Need("torch", "", "torch", ""),
    Need("torch", "", "numpy", "tensors travel as NumPy arrays"),
    Need("tensorflow", "", TENSORFLOW, "the backend measures both; TensorFlow brings the Keras that it can live with"),
    Need("jax", "", "jax", "the backend measures both"),
    Need("jax", "", "optax", "the backend measures both"),
)
"""What a backend needs beyond what was given; `of` is a backend."""

OLD: tuple[Need, ...] = (
    Need("jax", "<0.4.30", "jax[cpu]", "jaxlib came by this extra only"),
    Need("jax", "<0.4.26", "numpy<2", "the first with NumPy 2 is 0.4.26"),
    Need("jax", "<0.4.24", "scipy<1.13", "it imports what SciPy 1.13 took away"),
    Need("torch", "<2.3", "numpy<2", "the first with NumPy 2 is 2.3"),
    Need("scipy", "<1.13", "numpy<2", "the first with NumPy 2 is 1.13"),
)
"""What old releases need and do not say, because it came after them; `of` is a distribution. From their release notes."""


class BadRequirement(ValueError):
    """Requirements that can't be used; the message is one sentence for a person."""


def parsed(text: str) -> Requirement:
    """A requirement as pip takes it (PEP 508). Raises BadRequirement."""
    try:
        return Requirement(text.strip())
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0].rstrip(" .")
        raise BadRequirement(
            f"{text!r} is no requirement ({reason}): give a name and a version, as in jax==0.4.30, and one option for each requirement."
        ) from error


def name_of(requirement: Requirement) -> str:
    """`ml-dtypes` for `ml_dtypes>=0.5`."""
    return canonicalize_name(requirement.name)


def build_of(name: str) -> str:
    """The name that all builds of a framework share: `tensorflow` also for `tensorflow-cpu`."""
    return name.removesuffix("-cpu")


def backends_of(requirements: Iterable[Requirement]) -> tuple[str, ...]:
    """The backends that these requirements are about, in the order in which they are named.

    NumPy, SciPy and ml_dtypes stand for the NumPy backend only where no other framework is named: beside one they say
    what it stands on. Names of other distributions say nothing.
    """
    named = dict.fromkeys(FRAMEWORKS[name] for name in map(name_of, requirements) if name in FRAMEWORKS)
    return tuple(name for name in named if name != BASE) or tuple(named)


def completed(requirements: Sequence[Requirement], backends: Iterable[str]) -> tuple[Requirement, ...]:
    """What has to be added to these requirements for the backends to run. Empty where nothing is missing."""
    given = {name_of(requirement): requirement for requirement in requirements}
    added: list[Requirement] = []
    for need in (*OLD, *(need for need in NEEDS if need.of in set(backends))):
        needed = Requirement(need.needed)
        name = name_of(needed)
        if need.releases and not _is_old(given.get(need.of), need.releases):
            continue
        if needed.extras:  # of a distribution that is there anyhow, in the same release: pip would try all others
            if not needed.extras <= given[name].extras:
                needed.specifier = given[name].specifier
                added.append(needed)
        elif build_of(name) not in map(build_of, given):
            given[name] = needed
            added.append(needed)
    return tuple(added)


def pinned(requirement: Requirement) -> bool:
    """Whether it names one release and no other: `jax==0.4.30`, not `jax`, `jax>=0.4` nor `jax==0.4.*`."""
    specifiers = list(requirement.specifier)
    return (
        requirement.url is None
        and len(specifiers) == 1
        and specifiers[0].operator in ("==", "===")
        and not specifiers[0].version.endswith(".*")
    )


def _is_old(requirement: Requirement | None, releases: str) -> bool:
    """Whether it is pinned to one of these releases; of one that is not, pip takes the newest that fits."""
    if requirement is None or not pinned(requirement):
        return False
    (specifier,) = requirement.specifier
    return SpecifierSet(releases).contains(Version(specifier.version), prereleases=True)
