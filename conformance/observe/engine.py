"""The engine on this machine: puts the cases of a plan to workers and writes what they answer into a run file.

One long-lived worker per subject, several subjects at once. A case that ends its worker or never ends costs itself
alone. Knows how to ask; no framework, no truth, no verdict.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from conformance.cases.case import Case

from . import worker_wire as wire
from .environment import host_environment
from .observation import Observation, Output, Subject
from .process import Ended, TimedOut, WorkerProcess
from .runfile import RunFile

AHEAD = 2
"""Groups that a worker has at a time, so that it never waits for the next one."""

FLUSH_SECONDS = 5.0
FLUSH_BYTES = 16 << 20
"""What has been answered is written after so many seconds or bytes, also within a group: a killed run loses no more."""

Progress = Callable[[str, int, int, str], None]
"""`progress(subject_id, done_cases, total_cases, current)`; one call at a time, from any thread, often."""


class CaseGroup(Protocol):
    """Cases that a worker answers in one go (`conformance.cases.plan.Group`)."""

    @property
    def id(self) -> str: ...
    @property
    def cases(self) -> tuple[Case, ...]: ...


@dataclass(frozen=True)
class Task:
    """What to ask of one subject.

    `subject` has id, backend, configuration and device; versions and environment are found out. `specification` is the
    adapter's `module:class`, `python` the interpreter of the environment that holds the framework, `threads` the number
    of intra-op threads, `variables` further environment variables.
    """

    subject: Subject
    specification: str
    python: str
    groups: Sequence[CaseGroup]
    blobs: Mapping[str, bytes]
    threads: int = 1
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """Seconds for a case (compiling counts) and for a worker's start; crashes and timeouts after which a subject is given up."""

    case_seconds: float = 120.0
    start_seconds: float = 180.0
    crashes: int = 20


class Interrupted(Exception):
    """The run was interrupted; its file is whole, and the message says how to go on."""


def observe(
    tasks: Sequence[Task],
    run_file: RunFile,
    *,
    jobs: int = 1,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> None:
    """Ask everything that the run file lacks, `jobs` subjects at a time, and record the answers.

    A subject that can't run is recorded with its problem, and its cases as `could_not_run`; the others run. Raises
    Interrupted after Ctrl-C, RunFileError when the file can't be written; in both cases what was answered is kept.
    """
    run = _Run(run_file, limits or Limits(), progress)
    run_file.set_meta("complete", False)
    waiting = deque(tasks)
    written = _in_background(run.write)
    lanes: list[threading.Event] = []
    interrupted = False
    try:
        lanes += [_in_background(lambda: _lane(waiting, run)) for _ in range(max(1, min(jobs, len(tasks))))]
        _wait_for(lanes)
    except KeyboardInterrupt:
        interrupted = True
        run.stop_workers()
    _wait_for(lanes)
    run.to_write.put(None)
    _wait_for([written])
    if run.failure is not None:
        raise run.failure
    if interrupted:
        raise Interrupted(
            f"interrupted; {run_file.path} holds everything answered so far: the same command with --resume goes on from there."
        )
    run_file.set_meta("complete", True)


def _in_background(work: Callable[[], None]) -> threading.Event:
    """Do `work` in a thread; the event is set when it is done.

    An event, because Ctrl-C during `Thread.join` makes Python take the thread for ended (bpo-45274).
    """
    done = threading.Event()

    def run() -> None:
        try:
            work()
        finally:
            done.set()

    threading.Thread(target=run, daemon=True).start()
    return done


def _wait_for(events: Sequence[threading.Event]) -> None:
    for event in events:
        while not event.wait(0.2):  # a wait without an end would not let Ctrl-C through on every system
            pass


def _lane(waiting: deque[Task], run: _Run) -> None:
    while not run.stopping.is_set():
        try:
            task = waiting.popleft()
        except IndexError:
            return
        try:
            _Conversation(task, run).hold()
        except _Stopped:
            return
        except BaseException as error:
            run.fail(error)
            return


class _Stopped(Exception):
    """The run is being stopped."""


class _Run:
    """What the threads of one run share: the queue to the run file, the signal to stop, the progress report."""

    def __init__(self, run_file: RunFile, limits: Limits, progress: Progress | None) -> None:
        self.run_file, self.limits = run_file, limits
        self.stopping = threading.Event()
        self.failure: BaseException | None = None
        self.to_write: queue.Queue[Callable[[], None] | None] = queue.Queue(maxsize=8)
        self.host = host_environment()
        self._progress = progress
        self._lock = threading.Lock()
        self._workers: set[WorkerProcess] = set()

    def write(self) -> None:
        """The thread that writes: one at a time, in the order given. After a failure it only empties the queue."""
        while (action := self.to_write.get()) is not None:
            if self.failure is None:
                try:
                    action()
                except BaseException as error:
                    self.fail(error)

    def fail(self, error: BaseException) -> None:
        self.failure = self.failure or error
        self.stop_workers()

    def stop_workers(self) -> None:
        with self._lock:
            self.stopping.set()
            for worker in self._workers:
                worker.kill()

    def start(self, task: Task) -> WorkerProcess:
        with self._lock:
            if self.stopping.is_set():
                raise _Stopped
            worker = WorkerProcess(task.python, task.threads, task.variables)
            self._workers.add(worker)
            return worker

    def retire(self, worker: WorkerProcess, patience: float = 0.0) -> None:
        worker.stop(patience)
        with self._lock:
            self._workers.discard(worker)

    def report(self, subject: str, done: int, total: int, current: str) -> None:
        if self._progress is not None:
            with self._lock:
                self._progress(subject, done, total, current)


@dataclass
class _Open:
    """A group that is not through: cases still to be asked first come first, with their JSON; answers not yet written."""

    id: str
    cases: deque[tuple[Case, str]]
    begun: bool = False
    answers: list[Observation] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    size: int = 0
    state: tuple[str, Mapping[str, Any], Mapping[str, Any]] | None = None


class _Conversation:
    """All that is said between the engine and the workers of one subject, one after the other."""

    def __init__(self, task: Task, run: _Run) -> None:
        self._task, self._run = task, run
        self._name = task.subject.id
        self._total = sum(len(group.cases) for group in task.groups)
        self._open: deque[_Open] = deque()
        self._entered = self._introduced = False
        self._crashes = 0
        self._flushed = time.monotonic()
        self._reported = 0.0
        self._done = 0

    def hold(self) -> None:
        """Ask what the run file lacks, with as many workers as it takes."""
        known = self._run.run_file.done(self._name)
        for group in self._task.groups:
            cases = deque((case, case.to_json()) for case in group.cases if case.id not in known)
            if cases:
                self._open.append(_Open(group.id, cases))
        self._done = self._total - sum(len(group.cases) for group in self._open)
        self._report("starting", always=True)
        known_subjects = self._run.run_file.subjects()
        self._entered = any(subject.id == self._name and subject.versions for subject in known_subjects)
        problem = ""
        failures = 0
        while not problem and (self._open or not (self._introduced or self._entered)):
            before = self._done
            problem, ending = self._with_one_worker()
            failures = 0 if self._done > before else failures + 1
            if ending and failures > 1:
                problem = ending
            elif self._crashes >= self._run.limits.crashes:
                problem = f"given up after {self._crashes} crashes and timeouts"
        if problem:
            self._give_up(problem)
        self._write(lambda: self._run.run_file.finish_subject(self._name, problem))
        self._report("could not run" if problem else "done", always=True)

    def _with_one_worker(self) -> tuple[str, str]:
        """Start a worker and let it work until it ends or all is done: (why it is no use to try again, how it ended)."""
        try:
            worker = self._run.start(self._task)
        except OSError as error:
            return f"the interpreter {self._task.python} can't be started: {error.strerror}", ""
        try:
            problem, ending = self._introduce(worker)
            if not problem and not ending:
                ending = self._converse(worker)
            if not problem and not ending:
                worker.send(wire.encode({"type": "bye"}))
                self._run.retire(worker, patience=5.0)
            return problem, ending
        finally:
            self._run.retire(worker)
            if self._run.stopping.is_set():
                self._hand_over_all()
                raise _Stopped

    def _introduce(self, worker: WorkerProcess) -> tuple[str, str]:
        task, subject = self._task, self._task.subject
        hello = {
            "type": "hello", "protocol": wire.PROTOCOL, "backend": task.specification,
            "configuration": subject.configuration, "device": subject.device, "threads": task.threads,
        }  # fmt: skip
        worker.send(wire.encode(hello))
        try:
            message, _ = worker.receive(self._run.limits.start_seconds)
        except TimedOut:
            return "", f"the worker did not start within {self._run.limits.start_seconds:g} seconds"
        except Ended as ended:
            return "", f"the worker did not start: it {ended}"
        if message["type"] == "problem":
            return f"{message['error_type']}: {message['message']} (in {task.python})", ""
        found = Subject(
            subject.id, subject.backend, subject.configuration, subject.device, message["versions"],
            {**self._run.host, **message["environment"]},
        )  # fmt: skip
        self._write(lambda: self._run.run_file.add_subject(found))
        public = message.get("public")
        if public:
            self._write(lambda: self._run.run_file.set_public(self._name, public))
        self._introduced = True
        return "", ""

    def _converse(self, worker: WorkerProcess) -> str:
        """Send groups ahead and take the answers. How the worker ended, or an empty text when all is done."""
        sent: set[str] = set()
        ahead = 0
        limit = self._run.limits.case_seconds
        while self._open:
            while ahead < min(AHEAD, len(self._open)):
                self._send(worker, self._open[ahead], sent)
                ahead += 1
            group = self._open[0]
            try:
                message, blobs = worker.receive(limit)
            except TimedOut:
                return self._lost(group, "timed_out", f"no answer within {limit:g} seconds")
            except Ended as ended:
                return self._lost(group, "crashed", f"the worker {ended}")
            kind = message["type"]
            if kind == "begun":
                group.begun = True
                self._report(_title(group.cases[0][0]))
            elif kind == "done":
                self._take(group, message, blobs)
            elif kind == "group_done":
                group.state = (group.id, message["before"], message["after"])
                self._open.popleft()
                ahead -= 1
                self._hand_over(group)
        return ""

    def _send(self, worker: WorkerProcess, group: _Open, sent: set[str]) -> None:
        group.begun = False
        texts = ",".join(text for _, text in group.cases)
        header = wire.encode({"type": "group", "id": group.id})[:-1] + f',"cases":[{texts}]}}'.encode()
        wanted = dict.fromkeys(item.blob for case, _ in group.cases for item in _arguments(case))
        fresh = [name for name in wanted if name not in sent]
        sent.update(fresh)
        worker.send(header, [(name, self._task.blobs[name]) for name in fresh])

    def _take(self, group: _Open, message: Mapping[str, Any], blobs: Mapping[str, bytes]) -> None:
        case, _ = group.cases.popleft()
        group.blobs.update(blobs)
        group.size += sum(map(len, blobs.values()))
        after = message["after"]
        self._answer(
            group,
            Observation(
                self._name,
                case,
                message["outcome"],
                tuple(_output(output) for output in message["outputs"]),
                message.get("error_type", ""),
                message.get("message", ""),
                _output(after) if after else None,
                message["seconds"],
            ),
        )

    def _lost(self, group: _Open, outcome: str, message: str) -> str:
        """Charge the case at hand with the end of its worker."""
        if self._run.stopping.is_set():
            return message
        if group.begun and group.cases:
            case, _ = group.cases.popleft()
            self._crashes += 1
            self._answer(group, Observation(self._name, case, outcome, message=message))
        if not group.cases:
            self._open.popleft()
            self._hand_over(group)
        return message

    def _answer(self, group: _Open, observation: Observation) -> None:
        group.answers.append(observation)
        self._done += 1
        if group.cases:
            self._report(_title(group.cases[0][0]))
        if group.size > FLUSH_BYTES or time.monotonic() - self._flushed > FLUSH_SECONDS:
            self._hand_over(group)

    def _hand_over(self, group: _Open) -> None:
        """Have the answers of a group written that are not yet."""
        answers, blobs, state = group.answers, group.blobs, group.state
        group.answers, group.blobs, group.size = [], {}, 0
        self._flushed = time.monotonic()
        if not answers and state is None:
            return
        for answer in answers:
            for item in _arguments(answer.case):
                blobs.setdefault(item.blob, self._task.blobs[item.blob])
        self._write(lambda: self._run.run_file.record(self._name, answers, blobs, state))

    def _hand_over_all(self) -> None:
        for group in self._open:
            self._hand_over(group)

    def _give_up(self, problem: str) -> None:
        """Record why the subject can't go on, and every case that it was not asked."""
        subject = self._task.subject
        if not (self._introduced or self._entered):
            nothing = Subject(subject.id, subject.backend, subject.configuration, subject.device, {}, self._run.host)
            self._write(lambda: self._run.run_file.add_subject(nothing))
        for group in self._open:
            group.answers += [
                Observation(self._name, case, "could_not_run", message=problem) for case, _ in group.cases
            ]
            self._hand_over(group)
        self._open.clear()

    def _write(self, action: Callable[[], None]) -> None:
        self._run.to_write.put(action)

    def _report(self, current: str, always: bool = False) -> None:
        now = time.monotonic()
        if always or now - self._reported > 0.1:
            self._reported = now
            self._run.report(self._name, self._done, self._total, current)


def _arguments(case: Case) -> tuple[Any, ...]:
    return (*case.inputs, *(item for item in (case.cotangent, case.direction) if item is not None))


def _output(data: Mapping[str, Any]) -> Output:
    return Output(data["blob"], data["dtype"], tuple(data["shape"]))


def _title(case: Case) -> str:
    return f"{case.entry_point} {case.quantity} {case.dtype} {case.mode}"
