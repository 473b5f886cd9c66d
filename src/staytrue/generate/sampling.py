"""The one sampler: class images, previews and the pictures of a run are all drawn here.

What it adds to a stock pipeline is one random generator per picture, so that a picture does not depend on the batch
it was drawn in, but for rounding: the last bits do. So what is drawn after an interruption is drawn in the batches of the
whole plan (``whole_batches``). The arithmetic is in ``solver.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import Field

from staytrue.generate.tea import TEA
from staytrue.registry import component

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from staytrue.backbones.base import LoadedBackbone

Item = TypeVar("Item")


# identifier and class noun of each subject in a prompt
Named = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Request:
    """One picture to draw.

    Attributes:
        prompt: the text.
        seed: of this one picture.
        named: identifier and class noun of each subject in the prompt, for ``Sampling.tea`` and guides.
        plain: the prompt without identifiers, for word guidance.
    """

    prompt: str
    seed: int
    named: Named = ()
    plain: str = ""


# of a batch: from its latents, as the network is given them, and the timestep to what is added to the guided prediction
Guide = Callable[[Sequence[Request]], Callable[["Tensor", "Tensor"], "Tensor"]]


@component
class Sampling:
    """How pictures are drawn.

    Attributes:
        steps: of the solver; each costs one forward pass, of two rows a picture where guidance is on.
        guidance: weight w of classifier-free guidance, ``negative + w * (prompt - negative)``; 1 turns it off.
        solver: "ddim" (eta 0), "dpm++" (2M) or "euler": all deterministic once the first noise is drawn.
        negative: prompt to steer away from.
        batch: pictures at a time; changes speed, memory and the rounding of a picture, no more of it.
        tea: test-time embedding adjustment of prompts that name a subject; None for none.
    """

    steps: int = Field(default=25, ge=1, le=1000)  # of the noise schedule
    guidance: float = Field(default=7.5, ge=1.0)
    solver: Literal["ddim", "dpm++", "euler"] = "ddim"
    negative: str = ""
    batch: int = Field(default=16, ge=1)
    tea: TEA | None = None

    def asked_as(self, other: Sampling) -> Sampling:
        """The same, with another's negative prompt and TEA where it has none of its own."""
        return replace(self, negative=self.negative or other.negative, tea=self.tea or other.tea)


def whole_batches(plan: Sequence[Item], batch: int, lacks: Callable[[Item], bool]) -> list[Item]:
    """What to draw where something of a plan is there already: all of each batch of which something lacks.

    Batches go by place in the plan. A picture drawn in other company differs in its last bits, so an interrupted plan ends at
    the bits of an uninterrupted one only if the company stays; at most a batch is drawn again for it.

    Args:
        plan: every picture, in order.
        batch: ``Sampling.batch``.
        lacks: whether a picture is not there.

    Returns:
        Whole batches, so that ``draw`` divides them as it divides the plan.
    """
    groups = [plan[start : start + batch] for start in range(0, len(plan), batch)]
    return [item for group in groups if any(map(lacks, group)) for item in group]


def draw(
    backbone: LoadedBackbone,
    requests: Sequence[Request],
    sampling: Sampling,
    on_image: Callable[[Request, Image.Image], None] | None = None,
    guide: Guide | None = None,
) -> Iterator[Image.Image]:
    """Draws the requests in order, a batch at a time, as they are consumed.

    Args:
        backbone: a loaded backbone, with whatever adapter is attached to it.
        requests: what to draw; order is kept.
        sampling: how.
        on_image: called with every finished picture, for progress.
        guide: what is added to the predictions for a batch (``guides.together``).

    Yields:
        One RGB picture per request.
    """
    for request, (image, _) in zip(requests, draw_with_latents(backbone, requests, sampling, guide), strict=True):
        if on_image:
            on_image(request, image)
        yield image


def draw_with_latents(
    backbone: LoadedBackbone, requests: Sequence[Request], sampling: Sampling, guide: Guide | None = None
) -> Iterator[tuple[Image.Image, Tensor]]:
    """As ``draw``, with each picture's scaled latent (channels, height, width; float32, on the CPU) beside it."""
    from staytrue.generate.solver import decode, solve

    for start in range(0, len(requests), sampling.batch):
        group = requests[start : start + sampling.batch]
        # a whole batch is finished before the first yield, so a consumer may use, even train, the same network between
        latents = solve(backbone, group, sampling, guide)
        yield from zip(decode(backbone, latents), latents.cpu(), strict=True)
