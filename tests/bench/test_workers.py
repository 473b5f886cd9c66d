"""Tasks in processes: all are done, a failure or a death costs only its own, and the time is kept."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from staytrue.bench.workers import Crew
from tests.bench.jobs import double

ROOT = Path(__file__).parents[2]


def worked(crew, tasks):
    answers = {}
    return crew.run(tasks, answers.__setitem__), answers


def test_one_job_works_here():
    outcome, answers = worked(Crew(double), [1, 2])
    assert answers == {1: (2, os.getpid()), 2: (4, os.getpid())}
    assert (outcome.finished, outcome.failed, outcome.left) == (2, [], 0)


def test_a_failure_is_told_and_stops_no_other():
    outcome, answers = worked(Crew(double), [1, 13, 2])
    assert set(answers) == {1, 2}
    [(task, reason)] = outcome.failed
    assert task == 13
    assert reason.startswith("unlucky")
    assert "Traceback" in reason


def test_processes_do_everything_once_and_survive_a_death():
    outcome, answers = worked(Crew(double, jobs=2), [1, 99, 2, 13, 3, 4])
    assert {k: v for k, (v, _) in answers.items()} == {1: 2, 2: 4, 3: 6, 4: 8}
    assert os.getpid() not in {pid for _, pid in answers.values()}
    assert outcome.finished == 4
    assert {task: reason.splitlines()[0] for task, reason in outcome.failed} == {
        99: "its process ended with exit code 7",
        13: "unlucky",
    }
    assert outcome.left == 0


def test_when_the_time_is_up_it_stops():
    started = time.monotonic()
    outcome, answers = worked(Crew(double, jobs=1, minutes=0.05), [1000, 1, 2])
    assert time.monotonic() - started < 30
    assert answers == {}
    assert outcome.left == 3


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_processes_end_with_the_command(sent):
    """However it ends; the pipe is open for as long as one of them lives."""
    crew = "from staytrue.bench.workers import Crew; import tests.bench.jobs as j; Crew(j.asleep, 2).run([1, 2], print)"
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    with subprocess.Popen([sys.executable, "-c", crew], env=environment, stdout=subprocess.PIPE, text=True) as command:
        assert [command.stdout.readline() for _ in range(2)] == ["asleep\n"] * 2
        command.send_signal(sent)
        command.communicate(timeout=20)
