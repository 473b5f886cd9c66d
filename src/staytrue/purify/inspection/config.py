"""The settings of the inspection."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from staytrue.registry import component


@component
class Inspect:
    """What is looked at before photos are trained on, and what happens when something is found.

    Attributes:
        action: with a flagged photo: "proceed" (it is in the report), "warn", or "stop" the run, unless a purifier is chosen that
            cleans it. "off" looks at nothing.
        depth: "pixels" alone; "clip" too; "model" also asks the autoencoder and the denoiser. "auto" is "model" for the miniature,
            where it takes seconds, and "clip" for others, where the denoiser takes minutes without a GPU.
        clip: folder or hub id of the CLIP; "auto" is the backbone's own: the miniature's, or for Stable Diffusion the one its text
            encoder is of, if that is on this machine already.
        limits: a file like the built-in ``purify/inspection/limits.json``, which says what ordinary photos measure.
        defense: ``section.field=value``, laid over the settings of a run that cleans nothing where most photos of a subject are
            suspect. One photo in fifty is flagged without a cause; most of a set are not.
    """

    action: Literal["proceed", "warn", "stop", "off"] = "warn"
    depth: Literal["auto", "pixels", "clip", "model"] = "auto"
    clip: str = "auto"
    limits: Path | None = None
    defense: tuple[str, ...] = ()

    def deep(self, is_miniature: bool) -> Literal["pixels", "clip", "model"]:
        """The depth that "auto" stands for."""
        if self.depth != "auto":
            return self.depth
        return "model" if is_miniature else "clip"
