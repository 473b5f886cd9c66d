"""``report.html``: one file that opens offline and shows what a run did.

What it says is all read from the run's folder.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from staytrue.evaluate.curves import chart
from staytrue.evaluate.photos_html import cleaning, inspection
from staytrue.evaluate.pictures_html import data_uri
from staytrue.evaluate.scores_html import cast_tables, metric_rows, picture_notes
from staytrue.evaluate.selection_html import selection
from staytrue.images.load import load_folder
from staytrue.images.photos import photo_rows, subject_folder
from staytrue.runs import RunFolder, read_json, read_jsonl, write_text
from staytrue.types import Picture, Score, Subject

if TYPE_CHECKING:
    from staytrue.config import RunConfig

TEMPLATE = "report.html.j2"
STAGES = ("purify", "caption", "regularize", "train", "generate", "evaluate")


def write_report(run: RunFolder, config: RunConfig) -> Path:
    """Writes ``report.html`` from what lies in the run's folder; parts that are not there are left out.

    Args:
        run: the run, with at least its pictures drawn.
        config: of the run.

    Returns:
        The file.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("staytrue.evaluate", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    write_text(run.report, environment.get_template(TEMPLATE).render(contents(run, config)))
    return run.report


def contents(run: RunFolder, config: RunConfig) -> dict[str, Any]:
    """Everything the template shows, as plain values and ``data:`` URIs."""
    facts = config.backbone.facts()
    pictures = _rows(run.images / "images.jsonl", Picture)
    scores = _rows(run.scores / "scores.jsonl", Score)
    summary = _json(run.scores / "summary.json")
    saved, notes, times = _json(run.config), picture_notes(scores), _times(run)
    return {
        "name": run.root.resolve().name,
        "facts": facts,
        "small": facts.resolution_px <= 128,
        "subjects": [
            _subject(run, s, [p for p in pictures if p.subjects == (s.name,)], notes) for s in config.subjects
        ],
        "pairs": _pairs(run, pictures, notes),
        "inspection": inspection(run),
        "cleaning": cleaning(run),
        "metrics": metric_rows(summary.get("scores", [])),
        "casts": cast_tables(summary.get("casts", [])),
        "judges": summary.get("judges", {}),
        "refused": summary.get("refused", []),
        "chart": chart(_rows(run.training / "curve.jsonl")),
        "selection": selection(run),
        "previews": [(p.stem, data_uri(p, 1100)) for p in sorted((run.training / "previews").glob("*.png"))],
        "class_sheet": _optional(run.regularization / "contact-sheet.jpg"),
        "settings": list(flattened(config.model_dump(mode="json"))),
        "versions": saved.get("versions", {}),
        "machine": {"device": saved.get("device"), "commit": saved.get("commit")},
        "times": times,
        "total": said_time(sum(t["seconds"] for t in times)),
        "model": os.path.relpath(run.model, run.root) if run.model.exists() else None,
    }


def flattened(values: Any, path: str = "") -> Any:
    """Nested settings as (dotted path, value) pairs, in order.

    The very words that override them on the command line.
    """
    if isinstance(values, dict) and values:
        for key, value in values.items():
            yield from flattened(value, f"{path}.{key}" if path else str(key))
    elif isinstance(values, list) and any(isinstance(v, dict) for v in values):
        for index, value in enumerate(values):
            yield from flattened(value, f"{path}.{index}")
    else:
        yield path, "none" if values is None else str(values)


def _subject(run: RunFolder, subject: Subject, pictures: list[Picture], notes: dict[str, str]) -> dict[str, Any]:
    trained = subject_folder(run, subject.name)
    files = (
        [trained / row.file for row in photo_rows(run, subject.name)] if (trained / "photos.jsonl").is_file() else []
    )
    heldout = load_folder(subject.heldout) if subject.heldout and subject.heldout.is_dir() else []
    return {
        "name": subject.name,
        "phrase": subject.phrase,
        "class_noun": subject.class_noun,
        "identifier": subject.identifier,
        "photos": [data_uri(path) for path in files],
        "heldout": [data_uri(photo.image) for photo in heldout],
        "prompts": _prompts(run, pictures, notes),
        "concept": [
            {"asked": row["asked"], "pictures": row["personalized"]}
            for row in _prompts(run, _concept(run, subject), {})
        ],
    }


def _concept(run: RunFolder, subject: Subject) -> list[Picture]:
    return [p for p in _rows(run.images / "concept.jsonl", Picture) if p.subject == subject.name]


def _pairs(run: RunFolder, pictures: list[Picture], notes: dict[str, str]) -> list[dict[str, Any]]:
    """The pictures that show more than one subject."""
    casts = dict.fromkeys(p.subjects for p in pictures if p.others)
    return [
        {"name": " + ".join(c), "prompts": _prompts(run, [p for p in pictures if p.subjects == c], notes)}
        for c in casts
    ]


def _prompts(run: RunFolder, pictures: list[Picture], notes: dict[str, str]) -> list[dict[str, Any]]:
    prompts = []
    for prompt in dict.fromkeys(p.asked for p in pictures):
        mine, plain = [p for p in pictures if p.asked == prompt], prompt[1]
        asked = next((p.prompt for p in mine if p.model == "personalized"), plain)
        shown = {m: [_shown(run, p, notes) for p in mine if p.model == m] for m in ("base", "personalized")}
        prompts.append({"asked": asked, "plain": plain} | shown)
    return prompts


def _shown(run: RunFolder, picture: Picture, notes: dict[str, str]) -> dict[str, str]:
    return {
        "uri": data_uri(run.images / picture.file),
        "seed": str(picture.seed),
        "note": notes.get(picture.file, ""),
    }


def _times(run: RunFolder) -> list[dict[str, Any]]:
    """Seconds of every complete stage, from the manifests, with its share of the longest for a bar."""
    folders = (run.purified, run.captions, run.regularization, run.training, run.images, run.scores)
    manifests = [(name, _json(folder / "manifest.json")) for name, folder in zip(STAGES, folders, strict=True)]
    seconds = {name: float(manifest["duration_s"]) for name, manifest in manifests if "duration_s" in manifest}
    longest = max(seconds.values(), default=0) or 1
    return [{"stage": name, "seconds": s, "said": said_time(s), "share": s / longest} for name, s in seconds.items()]


def said_time(seconds: float) -> str:
    """Such as "0.4 s", "12 s", "3 min 20 s", "2 h 5 min"."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _optional(path: Path) -> str | None:
    return data_uri(path, 1100) if path.is_file() else None


def _rows(path: Path, row_type: type | None = None) -> list[Any]:
    return read_jsonl(path, row_type) if path.is_file() else []


def _json(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}
