"""The red team's tables: Markdown from ``redteam.json`` and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from staytrue.bench.arms import FULL, JOINED

HEADS = {
    "average": "average ↑",
    "identity": "identity ↑",
    "identity_thresholded": "thresholded ↑",
    "quality": "quality ↑",
    "average_paper": "as the paper averages ↑",
    "to_clean": "to clean photos ↓",
    "protecting_s": "protecting, s",
    "cleaning_s_per_photo": "cleaning, s a photo",
    "run_s": "run, s",
}
ORDER = ("none", "sample", "purify", "purify + sample", "decouple", "decouple + sample", "purify + decouple", FULL)


def redteam_markdown(found: dict[str, Any]) -> str:
    """All tables: the headline, every cell, the ablation, the inspection, the paper's claims."""
    parts = [_headline(found), _cells(found), *_ablation(found), _inspection(found), _claims(found)]
    return "\n\n".join(parts) + "\n"


def _headline(found: dict[str, Any]) -> str:
    same = found["same_sampling"]
    body = [
        [
            p,
            *(_share(part["undefended_loss"].get(p)) for part in (found, same)),
            *(_share(part["gap_closed"].get(p)) for part in (found, same)),
        ]
        for p in found["undefended_loss"]
    ]
    heads = ["", "undefended loss", "same sampling", "gap closed", "same sampling"]
    why = "".join(f"\n- `{name}`: {reason}" for name, reason in found["why_none"].items())
    left_out = ", ".join(found.get("left_out", ()))
    return (
        f"Shares of the average score. A gap counts where the attack costs {found['bites_at']:.0%} or more."
        f" The full defense costs clean photos {_share(found['clean_cost'])}"
        f" ({_share(same['clean_cost'])} with the same sampling on both sides).\n\n{_table(heads, body)}"
        + (f"\n\nWithout a number:\n{why}" if why else "")
        + (f"\n\nLeft out, as they were made under other settings: {left_out}." if left_out else "")
    )


def _cells(found: dict[str, Any]) -> str:
    body = [
        [row["protection"], row["defense"], str(row["runs"]), *(_number(row[c]) for c in HEADS)]
        for row in found["scores"]
    ]
    told = found["quality_calibration"]
    about = (
        f"Every protection and defense. Quality is of pixels, without a reference: clean photos are at 0.9, degraded copies at 0.1;"
        f" it tells them with AUC {told['auc']:.3f}. Distance: {found['distance']}."
    )
    return f"{about}\n\n{_table(['protection', 'defense', 'runs', *HEADS.values()], body)}"


def _ablation(found: dict[str, Any]) -> list[str]:
    if not found["ablation"]:
        return []
    cells = {(row["protection"], row["defense"]): row["average"] for row in found["scores"]}
    body = [
        [
            *("✓" if part in name.split(JOINED) else "–" for part in ("purify", "decouple", "sample")),
            *(_number(cells[p, name]) for p in found["ablation"]),
        ]
        for name in ORDER
    ]
    return [
        "Parts of the full defense, on and off; average score.\n\n"
        + _table(["purify", "decouple", "sample", *found["ablation"]], body)
    ]


def _inspection(found: dict[str, Any]) -> str:
    told = found["inspection"]
    made_from = ", ".join(told["calibrated_on"]) or "no protection"
    body = [[p, _number(value)] for p, value in told["by_protection"].items()]
    apart = ", ".join(told.get("other_radius", ()))
    alarms = ", ".join(f"{p} {_share(value)}" for p, value in told["false_alarms"].items())
    return (
        f"Inspection, on protections that its limits were not made from (they were from: {made_from}): "
        f"AUC {_number(told['auc']) or '–'}. False alarms: {alarms or '–'}."
        + (f" Not scored, as no random noise has their radius: {apart}." if apart else "")
        + f"\n\n{_table(['protection', 'AUC'], body)}"
    )


def _claims(found: dict[str, Any]) -> str:
    body = [[row["claim"], _with_interval(row), _verdict(row)] for row in found["claims"]]
    return (
        "What the paper claims, as a difference, of average scores where nothing else is said; in brackets 95 % over subjects, the"
        f" same ones on both sides.\n\n{_table(['claim', 'here', 'agrees'], body)}"
    )


def _with_interval(row: dict[str, Any]) -> str:
    low, high = row["ci95"] or (None, None)
    return _number(row["ours"]) + ("" if low is None else f" [{_number(low)}, {_number(high)}]")


def _verdict(row: dict[str, Any]) -> str:
    if row["ours"] is None:
        return "not run"
    said = {True: "yes", False: "no", None: "no verdict"}[row["agrees"]]
    notes = [f"{row['ran']} run"] if "ran" in row else []
    notes += [row["why"]] if "why" in row else []
    return f"{said}: {', '.join(notes)}" if notes else said


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _table(heads: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in body)])
