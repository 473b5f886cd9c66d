"""A benchmark of seconds: a tiny model, tiny judges, two steps."""

from staytrue.bench.minibench import Asked
from tests.encoders.tiny_judges import tiny_clip, tiny_vit
from tests.tiny import tiny_sd


def tiny_models(folder):
    """A base model and two judges with random weights."""
    return {"sd": tiny_sd(folder / "sd"), "clip": tiny_clip(folder / "clip"), "vit": tiny_vit(folder / "vit", seed=1)}


def assignments(models):
    return (
        f"backbone.path={models['sd']}",
        "caption.name=template",
        "regularize.name=class_prompt",
        "regularize.count=2",
        "regularize.sampling.steps=1",
        "train.steps=1",
        "train.batch=1",
        "train.class_rows=1",
        "generate.sampling.steps=1",
        f"evaluate.metrics.clip_i.judge={models['clip']}",
        f"evaluate.metrics.dino.judge={models['vit']}",
    )


def asked(models, home, **more):
    """One recipe, or a suite, on one subject, three prompts, two pictures of each."""
    bench = {"prompts": 3, "images_per_prompt": 2, "runs": home / "runs"} | more.pop("bench", {})
    recipes = None if "suite" in bench else ("dreambooth",)
    given = {"recipes": recipes, "subjects": "cat2", "out": home / "results" / "minibench", "bench": bench}
    return Asked(**(given | {"assignments": assignments(models)} | more))
