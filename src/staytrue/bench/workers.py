"""Tasks in several processes, until they are done or the time is up."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import Any, Generic, TypeVar

Task = TypeVar("Task")
POLL_S = 0.5


@dataclass
class Outcome(Generic[Task]):
    """How it went.

    Attributes:
        finished: how many tasks.
        failed: task and reason.
        left: how many were not finished when the time was up.
    """

    finished: int = 0
    failed: list[tuple[Task, str]] = field(default_factory=list)
    left: int = 0


@dataclass(frozen=True)
class Crew(Generic[Task]):
    """Processes that work tasks off.

    Attributes:
        work: runs one task in a process; its answer must be small, since it travels.
        jobs: how many processes; 1 works here, without any.
        threads: torch threads of each; None leaves torch's own choice.
        minutes: when to stop; None for never. Processes are then ended where they are: what they do must bear that.
    """

    work: Callable[[Task], Any]
    jobs: int = 1
    threads: int | None = None
    minutes: float | None = None

    def run(self, tasks: Sequence[Task], done: Callable[[Task, Any], None]) -> Outcome[Task]:
        """Works the tasks off in order; ``done`` is called here, one answer at a time. A task that fails stops no other."""
        end = time.monotonic() + 60 * self.minutes if self.minutes else None
        here = self.jobs == 1 and end is None
        return self._here(tasks, done) if here else self._apart(tasks, done, end)

    def _here(self, tasks: Sequence[Task], done: Callable[[Task, Any], None]) -> Outcome[Task]:
        outcome: Outcome[Task] = Outcome()
        _set_threads(self.threads)
        for task in tasks:
            try:
                answer = self.work(task)
            except Exception as error:  # noqa: BLE001  one task's error is told at the end and must not cost the others
                outcome.failed.append((task, f"{error}\n{traceback.format_exc()}"))
                continue
            done(task, answer)
            outcome.finished += 1
        return outcome

    def _apart(self, tasks: Sequence[Task], done: Callable[[Task, Any], None], end: float | None) -> Outcome[Task]:
        waiting = list(tasks)[::-1]
        crew: dict[Any, tuple[Any, Task]] = {}  # channel -> (process, what it works on)
        outcome: Outcome[Task] = Outcome()
        try:
            while (waiting or crew) and (end is None or time.monotonic() < end):
                while waiting and len(crew) < self.jobs:
                    channel, process = self._hire()
                    _give(waiting.pop(), (channel, process), crew)
                answered: list[Any] = wait(list(crew), timeout=POLL_S)
                for channel in answered:
                    process, task = crew.pop(channel)
                    self._answer(channel, (process, task), done, outcome)
                    if process.is_alive() and waiting:
                        _give(waiting.pop(), (channel, process), crew)
                    elif process.is_alive():
                        channel.send(None)
        finally:
            outcome.left = len(waiting) + len(crew)
            for process, _ in crew.values():
                process.terminate()
        return outcome

    def _hire(self) -> tuple[Any, Any]:
        context = multiprocessing.get_context("spawn")
        channel, theirs = context.Pipe()
        process = context.Process(target=_loop, args=(self, theirs), daemon=True)
        process.start()
        theirs.close()  # so that a process that dies is read as the end of its channel
        return channel, process

    def _answer(self, channel: Any, at_work: tuple[Any, Task], done: Callable[[Task, Any], None], to: Outcome) -> None:
        process, task = at_work
        try:
            answer, error = channel.recv()
        except (EOFError, ConnectionResetError):
            process.join()
            to.failed.append((task, f"its process ended with exit code {process.exitcode}"))
            return
        if error is not None:
            to.failed.append((task, error))
            return
        done(task, answer)
        to.finished += 1


def _give(task: Task, worker: tuple[Any, Any], crew: dict[Any, tuple[Any, Task]]) -> None:
    channel, process = worker
    channel.send(task)
    crew[channel] = (process, task)


def _loop(crew: Crew[Any], channel: Any) -> None:
    """What a process does: task after task, each with the libraries and judges it has loaded for the first."""
    threading.Thread(target=_end_with_the_command, daemon=True).start()
    _set_threads(crew.threads)
    while (task := channel.recv()) is not None:
        try:
            channel.send((crew.work(task), None))
        except Exception as error:  # noqa: BLE001  it travels to the parent as words
            channel.send((None, f"{error}\n{traceback.format_exc()}"))


def _end_with_the_command() -> None:
    """Were it killed, this process would train on, unseen, in a folder that the same command then could not go on in."""
    command = multiprocessing.parent_process()
    if command is not None:
        command.join()
        os._exit(1)


def _set_threads(threads: int | None) -> None:
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
