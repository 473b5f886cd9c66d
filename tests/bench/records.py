"""Files of results without any training: numbers that a test can choose."""

from staytrue.bench.judge import COLUMNS
from staytrue.bench.results import STAGES, Results

PROMPTS = (
    {"id": "p0", "list": "prompts", "kind": "place", "text": "a {} on the beach"},
    {"id": "p1", "list": "prompts", "kind": "color", "text": "a red {}"},
    {"id": "r0", "list": "rephrased", "kind": "place", "text": "on the beach, a {}"},
)
SEEN = ({"background": True}, {"color": False}, {"background": True})


def record(subject, values, seed=0, **more):
    """Two pictures for each of three prompts; every metric of a picture has the prompt's value."""
    rows = [[place, n, *[values[place]] * (len(COLUMNS) - 2)] for place in range(3) for n in range(2)]
    about = {"subject": subject, "seed": seed, "design": f"design-{subject}", "split": "reporting", "class_noun": "dog"}
    costs = {
        "seconds": dict.fromkeys((*STAGES, "scoring"), 2.0),
        "peak_memory_mb": 10.0,
        "device": "cpu",
        "commit": None,
    }
    prompts = [p | {"seen": s} for p, s in zip(PROMPTS, SEEN, strict=True)]
    scores = {"columns": list(COLUMNS), "images": rows, "class_leakage": [0.1, 0.3], "drift": [0.2]}
    return about | costs | scores | {"prompts": prompts} | more


def results(label, *records, **more):
    head = {
        "label": label,
        "arm": label,
        "recipe": label,
        "at": {},
        "set": [f"x={label}"],
        "backbone": {"path": "miniature"},
        "config": {"regularize": {"name": "class_prompt"}, "train": {"adapter": {"name": "full"}}},
    }
    return Results(head | {"judges": {"clip": {"judge": "a CLIP", "sha256": "ab"}}} | more, tuple(records))
