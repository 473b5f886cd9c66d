"""Fills README.md from a finished run: the table between its two markers, and the picture on top.

    python benchmarks/readme.py runs/demo

No number in the README is typed by hand.
"""

import json
import re
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- results:", "<!-- end of results -->"
AGAINST = {"trained": "photos trained on", "heldout": "photos kept apart", "prompt": "the prompt"}
SHOWN_PROMPTS = 6


def table(run: Path) -> str:
    """Scores and seconds of the run, in Markdown."""
    config = json.loads((run / "config.json").read_text())
    summary = json.loads((run / "6-scores" / "summary.json").read_text())
    by_model: dict[tuple[str, str], dict[str, str]] = {}
    for row in [row for row in summary["scores"] if row["against"] in AGAINST]:
        half = (row["high"] - row["low"]) / 2
        by_model.setdefault((row["metric"], row["against"]), {})[row["model"]] = f"{row['mean']:.3f} ± {half:.3f}"
    lines = ["| score | against | base model | personalized |", "| --- | --- | ---: | ---: |"]
    lines += [
        f"| {m} | {AGAINST[a]} | {v.get('base', '')} | {v.get('personalized', '')} |" for (m, a), v in by_model.items()
    ]
    stages = [json.loads(p.read_text())["duration_s"] for p in sorted(run.glob("[1-6]-*/manifest.json"))]
    commit = (config["commit"] or "unknown")[:10]
    subject = config["config"]["subjects"][0]
    pictures = sum(1 for _ in (run / "5-images" / "images.jsonl").open())
    return "\n".join(
        [
            f"`make demo`, one subject (`{subject['name']}`), {pictures} pictures, {sum(stages):.0f} s of stages on"
            f" {config['device']}, commit {commit}; ± is half of the 95 % bootstrap interval over prompts.",
            "",
            *lines,
            "",
            "The judges share no weights with the model: "
            + "; ".join(sorted({j["judge"] for j in summary["judges"].values()}))
            + ".",
        ]
    )


def main() -> None:
    """Rewrites the block and the picture."""
    run, readme = Path(sys.argv[1]), ROOT / "README.md"
    begin = re.escape(BEGIN) + r"[^\n]*\n"
    text, count = re.subn(
        f"({begin}).*?({re.escape(END)})",
        lambda found: f"{found[1]}{table(run)}\n{found[2]}",
        readme.read_text(),
        flags=re.DOTALL,
    )
    if count != 1:
        raise SystemExit("README.md has lost its markers")
    readme.write_text(text)
    grid = Image.open(next((run / "5-images").glob("grid-*.png"))).convert("RGB")
    (ROOT / "docs" / "images").mkdir(exist_ok=True)
    prompts = {json.loads(line)["prompt_plain"] for line in (run / "5-images" / "images.jsonl").open()}
    height = round(grid.height * min(1.0, SHOWN_PROMPTS / len(prompts))) + 8
    grid.crop((0, 0, grid.width, min(grid.height, height))).save(ROOT / "docs" / "images" / "demo.png", optimize=True)


if __name__ == "__main__":
    main()
