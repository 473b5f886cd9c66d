"""The first seconds: help answers at once, and nothing on its way imports a deep-learning library."""

import resource
import subprocess
import sys

import pytest

HEAVY = ("torch", "diffusers", "transformers", "peft", "accelerate")
REPORT = f"""
import sys
from staytrue.cli import main
sys.argv = ["staytrue", *sys.argv[1:]]
try:
    main()
except SystemExit as exit:
    code = exit.code
print("IMPORTED", [name for name in {HEAVY!r} if name in sys.modules])
sys.exit(code)
"""


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["run", "--help"],
        ["list"],
        ["list", "objectives"],
        ["list", "recipes"],
        ["list", "identifiers"],
        ["show", "staytrue"],
        ["show", "shortcut-defense"],
        ["protect", "--help"],
        ["bench", "table", "--help"],
    ],
)
def test_answers_without_importing_torch(words):
    done = subprocess.run([sys.executable, "-c", REPORT, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("IMPORTED []")


def test_importing_the_package_imports_no_torch():
    script = f"import sys, staytrue; assert not [n for n in {HEAVY!r} if n in sys.modules]; staytrue.Subject"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_help_takes_less_than_half_a_second():
    """Processor seconds of the best of five, so that other work on the machine does not count."""
    assert min(cpu_seconds("-m", "staytrue", "--help") for _ in range(5)) < 0.5


def cpu_seconds(*arguments):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
