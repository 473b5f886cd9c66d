"""MiniBench's pictures: `python -m foundry.world.subjects --out src/staytrue/assets/minibench`."""

import argparse
import json
import tomllib
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from foundry.world.captions import article
from foundry.world.markings import individual
from foundry.world.nouns import HELD_OUT_FAMILIES, nouns
from foundry.world.portraits import backdrops, portrait
from foundry.world.rasterize import build
from foundry.world.sprites import design_of

FOLDERS = {"train": 5, "heldout": 3}


@dataclass(frozen=True)
class Subject:
    """One held-out individual.

    Attributes:
        name: DreamBench's name.
        key: the sprite it is drawn from.
        noun: its class noun.
        vague: a vaguer class word.
        split: "tuning" or "reporting".
        marks: its markings.
        living: whether prompts for living subjects suit it.
        lettered: whether it bears letters, so that it is never mirrored.
    """

    name: str
    key: str
    noun: str
    vague: str
    split: str
    marks: list[dict] = field(repr=False)
    living: bool = False
    lettered: bool = False

    def row(self) -> dict:
        """What the benchmark records about it."""
        emoji = nouns()[self.noun].emoji
        return {
            "name": self.name,
            "class_noun": self.noun,
            "class_noun_vague": self.vague,
            "living": self.living,
            "design": design_of(self.key),
            "split": self.split,
            "heldout": [f"{family}-{name}" for name in emoji for family in HELD_OUT_FAMILIES],
        }


def subjects() -> list[Subject]:
    """The thirty subjects, in order."""
    table = tomllib.loads(Path(__file__).with_name("subjects.toml").read_text())
    return [Subject(name, **row) for name, row in table.items()]


def photos(subject: Subject) -> list[tuple[np.ndarray, dict]]:
    """Eight photos of a subject, each before another background, with their metadata."""
    rng = np.random.default_rng(zlib.crc32(subject.name.encode()))
    pixels = individual(subject.key, subject.marks)
    places = backdrops(rng, sum(FOLDERS.values()))
    return [
        (portrait(pixels, place, rng, not subject.lettered), {"text": _text(subject, place), "background": place})
        for place in places
    ]


def _text(subject: Subject, place: str) -> str:
    words = subject.noun if nouns()[subject.noun].pair else article(subject.noun)
    return f"{words} {place}"


def write(out: Path) -> None:
    """Write every subject's photos and the table of subjects."""
    out.mkdir(parents=True, exist_ok=True)
    for subject in subjects():
        taken = iter(photos(subject))
        for folder, count in FOLDERS.items():
            _write_folder(out / subject.name / folder, [next(taken) for _ in range(count)])
    rows = [json.dumps(subject.row()) for subject in subjects()]
    (out / "subjects.jsonl").write_text("\n".join(rows) + "\n")


def _write_folder(folder: Path, taken: list[tuple[np.ndarray, dict]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, (pixels, row) in enumerate(taken):
        name = f"{number:02}.png"
        Image.fromarray(pixels).save(folder / name, optimize=True)
        lines.append(json.dumps({"file_name": name, **row}))
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n")


def main() -> None:
    """Draw MiniBench."""
    parser = argparse.ArgumentParser(prog="python -m foundry.world.subjects", description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    out = parser.parse_args().out
    build()
    write(out)


if __name__ == "__main__":
    main()
