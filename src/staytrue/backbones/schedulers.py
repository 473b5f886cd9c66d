"""Schedulers of diffusers, on a checkpoint's own noise schedule."""

from __future__ import annotations

from typing import Any

from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler

SCHEDULERS = {"ddim": DDIMScheduler, "dpm++": DPMSolverMultistepScheduler, "euler": EulerDiscreteScheduler}
ALWAYS = {"clip_sample": False, "thresholding": False}
OF = {"dpm++": {"algorithm_type": "dpmsolver++"}}


def scheduler(name: str, config: dict[str, Any]) -> Any:
    """A scheduler that takes over the backbone's noise schedule, prediction type and timestep spacing.

    ``clip_sample`` is turned off: the schedulers' default clips latents of unit variance to [-1, 1] at every step,
    after which the pictures look as if the model ignored the prompt. Checkpoints that ship a PNDM config need not say,
    so the default would win. dpm++ has its own ``algorithm_type`` in any case: a checkpoint that ships DEIS says "deis", which it
    refuses, and with "sde-dpmsolver++" each step would add noise that no seed of ours decides.

    Args:
        name: a key of ``SCHEDULERS``.
        config: the checkpoint's own scheduler config.
    """
    return SCHEDULERS[name].from_config({**config, **ALWAYS, **OF.get(name, {})})
