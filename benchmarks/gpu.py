"""The experiments, packed on one GPU, within a time: run it again and it goes on where it stopped.

    python benchmarks/gpu.py [MINUTES] [JOBS] [data|objectives|redteam]     by default 9.5 minutes, 12 processes, data

One call of 10 minutes does one of the three parts, or some of it: each part is asked for by itself, as often as it takes.
Searches come first, and their tables with them, because what follows starts from what they chose.
Not among them: ``0-rates``, a first look that no search needs, ``redteam-purifier``, which chose what the others clean with, and
``minibench-two``, whose pairs have a verb of their own (``staytrue bench minibench-two``).
"""

import subprocess
import sys
import time
from pathlib import Path

SUITES = Path(__file__).parent / "suites"
ROUNDS = {
    "data": (
        ("0-search", "0-search-lora"),
        (
            "8-main",
            "8-lora",
            "1-sets-along-steps",
            "2-crops",
            "2-mix",
            "2-leakage",
            "3-dropout",
            "4-rephrased",
            "5-living",
            "6-photos-and-set-size",
            "7-captions-without-set",
            "9-solver",
        ),
    ),
    "objectives": (
        ("0-search", "10-search-full", "10-search-cross-attention", "10-search-dco", "10-search-token"),
        (
            "11-drift",
            "12-factorial",
            "13-weight-semantics",
            "13-weight-anchor",
            "13-weight-ladder",
            "14-pooling",
            "15-selected",
            "16-adapters",
            "17-objectives",
            "18-delta",
            "19-share",
            "20-guidance",
            "21-stated",
            "22-bare",
            "23-average",
            "24-reading",
        ),
    ),
    "redteam": (("redteam-strong", "redteam", "redteam-others"),),
}


def staytrue(*words: str) -> int:
    """One command of the bench, its output as it comes."""
    return subprocess.run([sys.executable, "-m", "staytrue", "bench", *words], check=False).returncode


def chosen(names: tuple[str, ...]) -> str:
    """The suites as a setting."""
    return "bench.suite=[" + ", ".join(f'"{SUITES / name}.toml"' for name in names) + "]"


def main() -> None:
    """Round after round, while there is time; tables and figures of whatever is there."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 9.5
    jobs = sys.argv[2] if len(sys.argv) > 2 else "12"
    part = sys.argv[3] if len(sys.argv) > 3 else "data"
    if part not in ROUNDS:
        sys.exit(f"{part} is no part of the experiments; there are: {', '.join(ROUNDS)}")
    verb, rounds = "redteam" if part == "redteam" else "minibench", ROUNDS[part]
    end, failed = time.monotonic() + 60 * minutes, 0
    for names in rounds:
        left = (end - time.monotonic()) / 60
        if left <= 0.2:
            break
        suite = chosen(names)
        failed |= staytrue(verb, suite, "--jobs", jobs, f"bench.minutes={left:.2f}", "bench.threads=1")
        for name in names:
            if staytrue("table", chosen((name,))) == 0 and verb == "minibench":
                staytrue("plot", chosen((name,)))
        if failed or time.monotonic() >= end:
            break  # the next round starts from choices that a whole search makes
    sys.exit(failed)


if __name__ == "__main__":
    main()
