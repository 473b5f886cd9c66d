"""Protected photos for the red team: made once for every protection, subject and seed, and found again by what they depend on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from staytrue.backbones.base import Backbone
from staytrue.config import overridden, parse_as
from staytrue.images.scan import scan_folder
from staytrue.protect.config import Protect, ProtectConfig, spelled_out
from staytrue.protect.radius import levels
from staytrue.runs import fingerprint, read_json
from staytrue.types import Subject

PREFIX = "protect."


@dataclass(frozen=True)
class Protecting:
    """A set of photos to protect.

    Attributes:
        label: name of the protection.
        config: whose photos, how, against which model.
        folder: where they go; its name says what they depend on, so equal sets are made once.
    """

    label: str
    config: ProtectConfig
    folder: Path

    @property
    def title(self) -> str:
        return f"{self.config.subject.name}, seed {self.config.seed}: photos under {self.label}"

    @property
    def photos(self) -> Path:
        """The protected photos, which stand in for the subject's own."""
        return self.folder / "photos"

    @property
    def seconds(self) -> float:
        """That the attack took, once it is made."""
        return float(read_json(self.folder / "protect.json")["seconds"])

    def make(self, device: str) -> None:
        """Protects the photos, unless it is done already."""
        from staytrue.protect.stage import protect_stage

        protect_stage(self.config, self.folder, device, to_train=True)


def protecting(
    label: str, told: Iterable[str], subject: Subject, against: tuple[Backbone, str, int], runs: Path
) -> Protecting:
    """What is to be made of a subject's photos.

    Args:
        label: of the protection.
        told: ``protect.field=value``.
        subject: with the clean photos.
        against: the backbone, a fingerprint of its weights, and the seed.
        runs: folder of all runs.
    """
    backbone, identity, seed = against
    protect = protect_of(told)
    config = ProtectConfig(subject=subject, backbone=backbone, seed=seed, protect=protect)
    photos = [[fingerprint(f.path), f.text] for f in scan_folder(subject.photos)]
    about = [replace(protect, batch=1), identity, seed, photos, subject.class_noun, subject.identifier]
    return Protecting(label, config, runs / "protected" / f"{subject.name}-s{seed}-{fingerprint(about)[:12]}")


def protect_of(told: Iterable[str]) -> Protect:
    """The settings of a protection. Raises ``ConfigError`` for what they have wrong."""
    someone = Subject(name="any", photos=Path("any"), class_noun="thing")
    values = overridden({"subject": someone.model_dump(mode="json")}, spelled_out(told))
    return parse_as(ProtectConfig, values).protect


def is_protect(assignment: str) -> bool:
    """Whether ``section.field=value`` is of the protection rather than of the run."""
    return assignment.startswith(PREFIX)


def controls(protections: Mapping[str, Protect]) -> dict[str, str | None]:
    """For each attack the random noise of its radius, None where there is none: photos moved further are no equals."""
    noises = {levels(one.radius): p for p, one in protections.items() if is_noise(one)}
    return {p: noises.get(levels(one.radius)) for p, one in protections.items() if not is_noise(one)}


def is_noise(protect: Protect) -> bool:
    """Whether it is the control: random noise."""
    return protect.method.name == "random_noise"
