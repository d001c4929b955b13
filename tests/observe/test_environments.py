"""Environments from requirements: what they are asked for, when one is found again, and that a half-made one never is.

venv and pip are played by a function that writes the few files that count; nothing is installed here.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from conformance.observe import environments, pip, requirements
from conformance.observe.environments import Environment, Interpreter, NotMade, environment
from conformance.observe.pip import Ended
from conformance.observe.requirements import BadRequirement, backends_of, completed, parsed

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Interpreter("/python3.11", "3.11.7", "3.11.7 of these tests")


@dataclass
class Installer:
    """Plays venv and pip, remembers what it was asked, and fails as it is told."""

    commands: list[list[str]] = field(default_factory=list)
    fails_with: str = ""
    venv_fails_with: str = ""
    interrupted: bool = False
    before_install: Callable[[], None] = lambda: None
    settings: str = ""

    def __call__(
        self, command: Sequence[str], tick: Callable[[], None] = lambda: None, held: Sequence[int] = ()
    ) -> Ended:
        self.commands.append(list(command))
        tick()
        match command[1:4]:
            case ["-m", "venv", folder]:
                if self.venv_fails_with:
                    return Ended(1, self.venv_fails_with)
                (Path(folder) / "bin").mkdir(parents=True)
                (Path(folder) / "bin" / "python").touch()
                return Ended(0, "")
            case ["-m", "pip", "install"]:
                self.before_install()
                if self.interrupted:
                    raise KeyboardInterrupt
                return Ended(1, self.fails_with) if self.fails_with else Ended(0, "Successfully installed")
            case ["-m", "pip", "list"]:
                packages = [{"name": "numpy", "version": "2.4.6"}, {"name": "ml_dtypes", "version": "0.6.0"}]
                return Ended(0, f"WARNING: something\n{json.dumps([*packages, {'name': 'pip', 'version': '23'}])}\n")
            case ["-m", "pip", "config"]:
                return Ended(0, self.settings)
        raise AssertionError(command)

    @property
    def installed(self) -> list[list[str]]:
        """The requirements of each installation."""
        return [
            [word for word in command[command.index("install") + 1 :] if not word.startswith("-") and "," not in word]
            for command in self.commands
            if "install" in command
        ]


@pytest.fixture
def installer(monkeypatch: pytest.MonkeyPatch) -> Installer:
    played = Installer()
    monkeypatch.setattr(pip, "run", played)
    monkeypatch.delenv("PIP_ONLY_BINARY", raising=False)
    monkeypatch.delenv("PIP_NO_BINARY", raising=False)
    pip.settings.cache_clear()
    return played


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the played environments have the layout of POSIX")


def of(*texts: str) -> list[Requirement]:
    return [parsed(text) for text in texts]


def make(folder: Path, *texts: str, python: Interpreter = PYTHON) -> Environment:
    with environment(of(*texts), python, folder) as made:
        assert (made.folder / environments.MARKER).exists()
        return made


def folders(cache: Path) -> list[Path]:
    """The environments in a cache, whole or half made."""
    return [path for path in (cache / "environments").iterdir() if path.is_dir()]


# What requirements are about


@pytest.mark.parametrize(
    ("texts", "backends"),
    [
        (["jax==0.4.30"], ("jax",)),
        (["optax==0.1.9", "jax==0.4.30"], ("jax",)),
        (["jaxlib==0.4.30"], ("jax",)),
        (["torch==2.6"], ("torch",)),
        (["keras==3.0.5", "numpy<2"], ("tensorflow",)),
        (["tensorflow-cpu==2.16.1"], ("tensorflow",)),
        (["tensorflow_cpu==2.16.1"], ("tensorflow",)),
        (["numpy==1.26.4"], ("numpy",)),
        (["scipy==1.13", "ml_dtypes"], ("numpy",)),
        (["torch==2.6", "jax==0.4.30", "numpy<2"], ("torch", "jax")),
        (["chex==0.1.86"], ()),
    ],
)
def test_backends_follow_from_names(texts: list[str], backends: tuple[str, ...]) -> None:
    assert backends_of(of(*texts)) == backends


@pytest.mark.parametrize(
    ("texts", "backends", "added"),
    [
        (["jax==0.4.30"], ["jax"], ["optax"]),
        (["optax==0.1.9"], ["jax"], ["jax"]),
        (["optax==0.1.9", "jax==0.5.0"], ["jax"], []),
        (["torch==2.6"], ["torch"], ["numpy"]),
        (["torch==2.2.0"], ["torch"], ["numpy<2"]),
        (["torch==2.2.0", "numpy"], ["torch"], []),
        (["keras==3.0.5"], ["tensorflow"], [requirements.TENSORFLOW]),
        (["keras==3.0.5", "tensorflow==2.16.1"], ["tensorflow"], []),
        (["tensorflow-cpu==2.16.1"], ["tensorflow"], []),
        (["numpy==1.26.4"], ["numpy"], ["scipy", "ml-dtypes"]),
        (["numpy==1.26.4", "ml_dtypes", "scipy"], ["numpy"], []),
        (["numpy==1.26.4"], ["torch"], ["torch"]),
        (["jax==0.4.29", "optax"], ["jax"], ["jax[cpu]==0.4.29"]),
        (["jax==0.4.20", "optax"], ["jax"], ["jax[cpu]==0.4.20", "numpy<2", "scipy<1.13"]),
        (["jax==0.4.20", "optax", "numpy==1.24.4"], ["jax"], ["jax[cpu]==0.4.20", "scipy<1.13"]),
        (["jax[cpu]==0.4.27", "optax"], ["jax"], []),
        (["jax>=0.4.20", "optax"], ["jax"], []),
    ],
)
def test_what_is_missing_is_added_and_nothing_else(texts: list[str], backends: list[str], added: list[str]) -> None:
    assert [str(one) for one in completed(of(*texts), backends)] == added


@pytest.mark.parametrize("text", ["", "jax==", "-r file", "--index-url=x", "jax==1 optax==2", "./folder"])
def test_what_is_no_requirement_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadRequirement, match=r"give a name and a version, as in jax==0.4.30"):
        parsed(text)


# Making and finding again


def test_an_environment_holds_what_was_asked_for_and_nothing_of_ours(installer: Installer, tmp_path: Path) -> None:
    made = make(tmp_path, "numpy==2.4.6", "ml-dtypes==0.6.0")
    assert installer.installed == [["ml-dtypes==0.6.0", "numpy==2.4.6"]]
    assert made.python == str(made.folder / "bin" / "python")
    assert made.packages == {"numpy": "2.4.6", "ml-dtypes": "0.6.0"}


def test_a_second_time_it_is_found_in_any_order(installer: Installer, tmp_path: Path) -> None:
    made = make(tmp_path, "numpy==2.4.6", "ml-dtypes==0.6.0")
    again = make(tmp_path, "ml-dtypes==0.6.0", "numpy==2.4.6")
    assert again == made
    assert len(installer.installed) == 1


@pytest.mark.parametrize(
    ("texts", "python", "settings"),
    [
        (["numpy==2.4.5"], PYTHON, ""),
        (["numpy==2.4.6", "scipy==1.17.1"], PYTHON, ""),
        (["numpy==2.4.6"], Interpreter("/python3.11", "3.11.8", "3.11.8"), ""),
        (["numpy==2.4.6"], PYTHON, "global.extra-index-url='elsewhere'\n"),
    ],
    ids=["version", "more", "interpreter", "index"],
)
def test_what_decides_over_the_contents_decides_over_the_place(
    texts: list[str], python: Interpreter, settings: str, installer: Installer, tmp_path: Path
) -> None:
    first = make(tmp_path, "numpy==2.4.6")
    pip.settings.cache_clear()
    installer.settings = settings
    assert make(tmp_path, *texts, python=python).folder != first.folder


def test_a_setting_that_decides_nothing_changes_nothing(installer: Installer, tmp_path: Path) -> None:
    first = make(tmp_path, "numpy==2.4.6")
    pip.settings.cache_clear()
    installer.settings = "global.timeout='180'\n"
    assert make(tmp_path, "numpy==2.4.6").folder == first.folder


@pytest.mark.parametrize(
    ("text", "installations"), [("numpy", 2), ("numpy>=2", 2), ("numpy==2.*", 2), ("numpy==2.4.6", 1)]
)
def test_a_version_left_to_pip_is_good_for_a_day(
    text: str, installations: int, installer: Installer, tmp_path: Path
) -> None:
    folder = make(tmp_path, text).folder
    make(tmp_path, text)
    assert len(installer.installed) == 1
    marker = json.loads((folder / environments.MARKER).read_text())
    marker["made"] -= environments.DAY + 1
    (folder / environments.MARKER).write_text(json.dumps(marker))
    make(tmp_path, text)
    assert len(installer.installed) == installations


def test_what_is_behind_a_link_is_made_for_one_time(installer: Installer, tmp_path: Path) -> None:
    for _ in range(2):
        with environment(of("numpy @ file:///somewhere/numpy.whl"), PYTHON, tmp_path) as made:
            assert Path(made.python).exists()
        assert not made.folder.exists()
    assert len(installer.installed) == 2


@pytest.mark.parametrize("damage", ["no marker", "not JSON", "other requirements", "no interpreter", "another layout"])
def test_a_half_made_environment_is_made_anew(damage: str, installer: Installer, tmp_path: Path) -> None:
    folder = make(tmp_path, "numpy==2.4.6").folder
    marker = folder / environments.MARKER
    content = json.loads(marker.read_text())
    match damage:
        case "no marker":
            marker.unlink()
        case "not JSON":
            marker.write_text(marker.read_text()[:-10])
        case "other requirements":
            marker.write_text(json.dumps({**content, "requirements": ["numpy==1"]}))
        case "no interpreter":
            (folder / "bin" / "python").unlink()
        case "another layout":
            marker.write_text(json.dumps({**content, "schema": 99}))
    (folder / "left over").touch()
    make(tmp_path, "numpy==2.4.6")
    assert len(installer.installed) == 2
    assert not (folder / "left over").exists()


def test_nothing_is_left_of_what_failed_or_was_interrupted(installer: Installer, tmp_path: Path) -> None:
    installer.fails_with = "ERROR: No matching distribution found for numpy==99\n"
    with pytest.raises(NotMade):
        make(tmp_path, "numpy==99")
    assert folders(tmp_path) == []
    installer.fails_with, installer.interrupted = "", True
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, "numpy==99")
    assert folders(tmp_path) == []
    installer.interrupted = False
    assert make(tmp_path, "numpy==99").packages


def test_a_cache_that_can_t_be_written_is_a_sentence(installer: Installer, tmp_path: Path) -> None:
    (tmp_path / "environments").write_text("in the way")
    with pytest.raises(NotMade, match="NNCONFORM_CACHE"):
        make(tmp_path, "numpy==2.4.6")


def test_a_venv_that_fails_is_a_sentence(installer: Installer, tmp_path: Path) -> None:
    installer.venv_fails_with = (
        "The virtual environment was not created successfully because ensurepip is not\navailable."
    )
    with pytest.raises(NotMade, match=r"python3\.11-venv.*--python"):
        make(tmp_path, "numpy==2.4.6")
    installer.venv_fails_with = "/python3.11: No module named venv"
    with pytest.raises(NotMade, match=r"venv or ensurepip is missing"):
        make(tmp_path, "numpy==2.4.6")


def test_what_is_compiled_is_not_built_here_unless_pip_is_told_so(
    installer: Installer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "numpy==2.4.6")
    assert "--only-binary" in next(command for command in installer.commands if "install" in command)
    monkeypatch.setenv("PIP_NO_BINARY", "numpy")
    make(tmp_path, "numpy==2.4.5")
    assert "--only-binary" not in [command for command in installer.commands if "install" in command][-1]


# Several at once


def test_two_that_want_the_same_make_it_once(installer: Installer, tmp_path: Path) -> None:
    said: list[str] = []
    begun = threading.Event()

    def slowly() -> None:
        begun.set()
        time.sleep(0.3)

    installer.before_install = slowly
    first = threading.Thread(target=make, args=(tmp_path, "numpy==2.4.6"))
    first.start()
    assert begun.wait(10)
    with environment(of("numpy==2.4.6"), PYTHON, tmp_path, lambda _what, _seconds, state: said.append(state)):
        pass
    first.join()
    assert len(installer.installed) == 1
    assert said == ["waiting", "found"]


def test_two_may_use_the_same_at_once(installer: Installer, tmp_path: Path) -> None:
    said: list[str] = []
    with (
        environment(of("numpy==2.4.6"), PYTHON, tmp_path),
        environment(of("numpy==2.4.6"), PYTHON, tmp_path, lambda _what, _seconds, state: said.append(state)),
    ):
        pass
    assert said == ["found"]


# What goes again


def age(folder: Path, days: float, size: int = 0) -> None:
    marker = folder / environments.MARKER
    content = json.loads(marker.read_text())
    marker.write_text(json.dumps({**content, "bytes": size}))
    when = time.time() - days * environments.DAY
    os.utime(marker, (when, when))


def test_what_nobody_used_for_long_goes_unless_it_is_kept_or_in_use(installer: Installer, tmp_path: Path) -> None:
    used, unused, kept, busy = (make(tmp_path, f"numpy==2.4.{number}") for number in range(4))
    kept.keep()
    with environment(of("numpy==2.4.3"), PYTHON, tmp_path):
        for one in (unused, kept, busy):
            age(one.folder, 31)
        assert environments.clean(tmp_path) == [unused.folder]
    assert all(one.folder.exists() for one in (used, kept, busy))
    age(busy.folder, 31)
    assert environments.clean(tmp_path) == [busy.folder]


def test_finding_it_again_counts_as_use(installer: Installer, tmp_path: Path) -> None:
    folder = make(tmp_path, "numpy==2.4.6").folder
    age(folder, 31)
    make(tmp_path, "numpy==2.4.6")
    assert environments.clean(tmp_path) == []


def test_above_a_size_the_oldest_go_first(installer: Installer, tmp_path: Path) -> None:
    made = [make(tmp_path, f"numpy==2.4.{number}").folder for number in range(3)]
    for number, folder in enumerate(made):
        age(folder, 10 - number, size=100)
    assert environments.clean(tmp_path, most_bytes=250) == [made[0]]
    assert environments.clean(tmp_path, most_bytes=250) == []


def test_half_made_ones_go_after_a_day(installer: Installer, tmp_path: Path) -> None:
    folder = make(tmp_path, "numpy==2.4.6").folder
    (folder / environments.MARKER).unlink()
    assert environments.clean(tmp_path) == []
    when = time.time() - 2 * environments.DAY
    os.utime(folder, (when, when))
    assert environments.clean(tmp_path) == [folder]


def test_cleaning_an_empty_cache_is_nothing(tmp_path: Path) -> None:
    assert environments.clean(tmp_path) == []


# Reasons: what pip says (shortened, of pip 23 and 25), and what must be in our sentence

REASONS = {
    "no such release": (
        "ERROR: Could not find a version that satisfies the requirement jax==99 (from versions: 0.0, 0.1, 0.4.30, 0.5.0, 0.10.2)\n"
        "ERROR: No matching distribution found for jax==99\n",
        ("no release jax==99", "0.0 to 0.10.2", "--python"),
    ),
    "no such name": (
        "ERROR: Could not find a version that satisfies the requirement jxa==1 (from versions: none)\n"
        "ERROR: No matching distribution found for jxa==1\n",
        ("no release of jxa for Python 3.11.7", "check the name"),
    ),
    "for a newer Python": (
        "ERROR: Ignored the following versions that require a different python version: 0.10.2 Requires-Python >=3.11; 0.9.0 Requires-Python >=3.11\n"
        "ERROR: Could not find a version that satisfies the requirement jax==0.10.2 (from versions: 0.0, 0.1, 0.4.29, 0.4.30)\n"
        "ERROR: No matching distribution found for jax==0.10.2\n",
        ("jax==0.10.2 requires Python >=3.11", "3.11.7", "--python"),
    ),
    "nothing built for this Python": (
        "ERROR: Could not find a version that satisfies the requirement numpy==1.22.4 (from versions: 1.26.0, 1.26.1)\n"
        "ERROR: No matching distribution found for numpy==1.22.4\n",
        ("no release numpy==1.22.4 for Python 3.11.7, only 1.26.0, 1.26.1", "too old or too new for this Python", "--python"),
    ),
    "conflict": (
        "ERROR: Cannot install jax==0.4.30 and optax==0.2.8 because these package versions have conflicting dependencies.\n\n"
        "The conflict is caused by:\n    The user requested jax==0.4.30\n    optax 0.2.8 depends on jax>=0.5.3\n\n"
        "To fix this you could try to:\n1. loosen the range\n\nERROR: ResolutionImpossible: for help visit a page\n",
        ("the user requested jax==0.4.30; optax 0.2.8 depends on jax>=0.5.3: ", "pip chooses"),
    ),
    "no network": (
        "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('Failed to establish a new connection: "
        "[Errno -3] Temporary failure in name resolution')': /simple/jax/\n"
        "ERROR: Could not find a version that satisfies the requirement jax==0.4.30 (from versions: none)\n"
        "ERROR: No matching distribution found for jax==0.4.30\n",
        ("can't reach the package index", "check the network"),
    ),
    "disk full": (
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n\n",
        ("the disk is full",),
    ),
    "a build that fails": (
        "  error: subprocess-exited-with-error\n  × Building wheel did not run successfully.\nERROR: Could not build wheels for gast\n",
        ("Could not build wheels for gast",),
    ),
    "nothing said": ("", ("gave no reason",)),
}  # fmt: skip


@pytest.mark.parametrize("case", REASONS)
def test_pip_s_reason_is_one_sentence(case: str, installer: Installer, tmp_path: Path) -> None:
    said, needed = REASONS[case]
    installer.fails_with = said or "\n"
    with pytest.raises(NotMade) as raised:
        make(tmp_path, "jax==0.4.30")
    message = str(raised.value)
    assert message.startswith("jax==0.4.30 can't be installed: ")
    assert [text for text in needed if text not in message] == [], message
    assert "\n" not in message
    assert "ERROR" not in message
    assert len(message) < 600


# Real processes


def test_an_interpreter_is_what_answers_as_one(tmp_path: Path) -> None:
    found = environments.interpreter(sys.executable)
    assert found.version == ".".join(map(str, sys.version_info[:3]))
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho no\n")
    other.chmod(0o755)
    for name in (str(other), str(tmp_path / "nowhere"), "no-such-python"):
        with pytest.raises(environments.NoInterpreter, match=r"python3\.11"):
            environments.interpreter(name)


def test_an_interpreter_that_is_too_old_is_named(tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text('#!/bin/sh\necho \'[[3, 8, 1], "3.8.1", "Linux", "/usr"]\'\n')
    other.chmod(0o755)
    with pytest.raises(environments.NoInterpreter, match=r"Python 3\.8\.1; a worker needs 3\.9 or later"):
        environments.interpreter(str(other))


def test_a_command_gives_all_that_it_said_and_its_code() -> None:
    script = "import sys; print('one'); print('two', file=sys.stderr); sys.exit(3)"
    ended = pip.run([sys.executable, "-c", script])
    assert ended.code == 3
    assert sorted(ended.said.split()) == ["one", "two"]


def test_an_interrupted_command_ends_with_what_it_started(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    child = (
        f"import time, pathlib\nwhile True:\n    pathlib.Path({str(diary)!r}).open('a').write('.'); time.sleep(0.05)"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"

    def interrupt() -> None:
        if diary.exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pip.run([sys.executable, "-c", parent], interrupt)
    size = diary.stat().st_size
    time.sleep(0.3)
    assert diary.stat().st_size <= size + 1


def test_what_a_killed_process_left_running_still_holds_the_lock(tmp_path: Path) -> None:
    """Nobody removes or makes the environment while an orphaned pip writes into it."""
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    script = f"from conformance.observe import pip; pip.run([{sys.executable!r}, '-c', 'import time; time.sleep(1)'], held=({lock},))"
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, pass_fds=(lock,))
    os.close(lock)
    time.sleep(0.7)
    process.kill()
    process.wait()
    again = os.open(tmp_path / "lock", os.O_RDWR)
    with pytest.raises(BlockingIOError):
        fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(again, fcntl.LOCK_EX)
    os.close(again)


def test_pip_is_not_led_elsewhere_by_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_TARGET", "elsewhere")
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    ended = pip.run(
        [sys.executable, "-c", "import os; print(os.environ.get('PIP_TARGET'), os.environ.get('PYTHONPATH'))"]
    )
    assert ended.said.split() == ["None", "None"]


def test_a_lock_of_a_process_that_died_is_free(tmp_path: Path, installer: Installer) -> None:
    folder = tmp_path / "environments" / environments.key_of(["numpy==2.4.6"], PYTHON)
    folder.parent.mkdir()
    lock = folder.with_name(folder.name + ".lock")
    script = f"import fcntl, os, sys; fcntl.flock(os.open({str(lock)!r}, os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX); os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    said: list[str] = []
    with environment(of("numpy==2.4.6"), PYTHON, tmp_path, lambda _what, _seconds, state: said.append(state)):
        pass
    assert said == ["making", "making", "making", "made"]
