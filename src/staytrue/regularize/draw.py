"""Drawing the class images that the store does not have yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from staytrue.regularize.base import Planned
from staytrue.regularize.store import ClassImageStore, latent_beside

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from staytrue.backbones.base import Backbone
    from staytrue.generate.sampling import Sampling


@dataclass(frozen=True)
class Job:
    """Who draws, how, and into which store.

    Attributes:
        generator: the backbone, not loaded.
        identity: tells it from every other one (``backbone_identity``).
        size_px: side of its pictures.
        sampling: how it draws.
        store: where pictures go.
        keep_latents: whether each picture's latent is stored too, so that training the same backbone need not encode
            it.
        device: to draw on.
    """

    generator: Backbone
    identity: str
    size_px: int
    sampling: Sampling
    store: ClassImageStore
    keep_latents: bool
    device: str


def recipe(job: Job, planned: Planned) -> dict[str, Any]:
    """All that decides one picture, and so its name in the store. The batch is no part of it."""
    sampling = {"steps": job.sampling.steps, "guidance": job.sampling.guidance, "solver": job.sampling.solver}
    return {
        "generator": job.identity,
        "prompt": planned.caption.render(),
        "negative": job.sampling.negative,
        "seed": planned.seed,
        "size_px": job.size_px,
        **sampling,
    }


def draw_missing(job: Job, planned: list[Planned]) -> int:
    """Draws what the store lacks, storing each batch as it is done, so that an interrupted set goes on where it was.

    Batches go by place in the plan, and one of which something lacks is drawn whole, since a picture's last bits depend on what
    it is drawn with. Only what lacks is written: a file that is there stays, be it this plan's from before an interruption,
    which has the same bits, or another run's, drawn in other company. So interrupted or not, a set drawn into the same store
    is the same set, bit for bit; into another store, whose other runs have drawn some of it, it may differ in last bits.

    Returns:
        How many pictures were lacking. Where none is, no weights are loaded.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from staytrue.generate.sampling import Request, draw_with_latents, whole_batches

    recipes = list({str(job.store.picture(r)): r for r in (recipe(job, p) for p in planned)}.values())
    missing = sum(_lacks(job, r) for r in recipes)
    if not missing:
        return 0
    drawn = whole_batches(recipes, job.sampling.batch, lambda r: _lacks(job, r))
    requests = [Request(prompt=r["prompt"], seed=r["seed"]) for r in drawn]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("class images", total=len(recipes), completed=len(recipes) - len(drawn), rate="")
        pictures = draw_with_latents(job.generator.load(job.device), requests, job.sampling)
        for facts, (image, latent) in zip(drawn, pictures, strict=True):
            _keep(job, facts, image, latent)
            speed = progress.tasks[0].speed
            progress.update(task, advance=1, rate=f"{speed:.1f} images/s" if speed else "")
    return missing


def _keep(job: Job, facts: dict[str, Any], image: Image.Image, latent: Tensor) -> None:
    """Writes what is not there."""
    picture = job.store.picture(facts)
    if job.keep_latents and not latent_beside(picture).is_file():
        job.store.put_latent(facts, latent)
    if not picture.is_file():
        job.store.put(facts, image)  # last: a picture of this job in the store has its latent


def _lacks(job: Job, facts: dict[str, Any]) -> bool:
    picture = job.store.picture(facts)
    return not picture.is_file() or (job.keep_latents and not latent_beside(picture).is_file())
