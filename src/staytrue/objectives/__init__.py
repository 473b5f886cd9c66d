"""Training objectives: what the trained network is asked to do.

Reads one ``Step`` (a noised batch and a narrow predictor); writes nothing: each returns losses, one per row, which ``Composed``
alone weights and reduces. Objectives add, they never branch, so any of them go together.
"""

from staytrue.objectives.base import Objective, Predictor, Step
from staytrue.objectives.class_semantics import ClassSemantics
from staytrue.objectives.composed import Composed, check_needs
from staytrue.objectives.denoising import Denoising
from staytrue.objectives.direct_consistency import DirectConsistency
from staytrue.objectives.output_preservation import OutputPreservation
from staytrue.objectives.semantic_anchor import SemanticAnchor
from staytrue.objectives.semantic_delta import SemanticDelta
from staytrue.objectives.semantic_ladder import SemanticLadder
from staytrue.objectives.weight_anchor import WeightAnchor
from staytrue.registry import Registry

OBJECTIVES = Registry(
    "objectives",
    Denoising,
    ClassSemantics,
    SemanticAnchor,
    SemanticDelta,
    SemanticLadder,
    WeightAnchor,
    DirectConsistency,
    OutputPreservation,
)

__all__ = [
    "OBJECTIVES",
    "ClassSemantics",
    "Composed",
    "Denoising",
    "DirectConsistency",
    "Objective",
    "OutputPreservation",
    "Predictor",
    "SemanticAnchor",
    "SemanticDelta",
    "SemanticLadder",
    "Step",
    "WeightAnchor",
    "check_needs",
]
