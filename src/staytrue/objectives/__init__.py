"""Training objectives: what the trained network is asked to do.

Reads one ``Step`` (a noised batch and a narrow predictor); writes nothing: each returns losses, one per row, which ``Composed``
alone weights and reduces. Objectives add, they never branch, so any of them go together.
"""

from staytrue.objectives.base import Objective, Predictor, Step
from staytrue.objectives.composed import Composed, check_needs
from staytrue.objectives.denoising import Denoising
from staytrue.registry import Registry

OBJECTIVES = Registry("objectives", Denoising)

__all__ = ["OBJECTIVES", "Composed", "Denoising", "Objective", "Predictor", "Step", "check_needs"]
