"""What a suite compares: its arms, and the red team's grid, from which arms follow."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field, model_validator

PARTS = ("purify", "decouple", "sample")
CLEAN, JOINED = "clean", " + "
UNDEFENDED, FULL = "none", JOINED.join(PARTS)
Sets = tuple[str, ...]


class Arm(BaseModel):
    """One thing to compare: a recipe and what is changed in it.

    Attributes:
        label: how tables call it.
        recipe: its name; "real-photos" for the photos themselves.
        set: ``section.field=value`` over the recipe.
        photos: train on the first so many photos only; None for all.
        living: whether the class set takes the living form; None as the subject is. Prompts stay as the subject is.
        identifier: another than the subject's own, such as "<new1>", which no vocabulary knows.
        grid: whether the suite's grid is run; else the arm is one setting.
        of: the arm among whose points this one is a choice; tables say what the choice cost (``regret.py``).
        protection: name of what was done to the photos first; None is no question of protections.
        protect: ``protect.field=value`` of it; nothing leaves the photos clean.
        defense: name of what is done against it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    recipe: str
    set: Sets = ()
    photos: int | None = None
    living: bool | None = None
    identifier: str | None = None
    grid: bool = True
    of: str | None = None
    protection: str | None = None
    protect: Sets = ()
    defense: str | None = None


class Named(BaseModel):
    """A protection.

    Attributes:
        label: its name in tables.
        set: ``protect.field=value``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    set: Sets = Field(min_length=1)


class Alone(Named):
    """A purifier with nothing else.

    Attributes:
        against: the protections that it is tried against; None for all.
    """

    against: tuple[str, ...] | None = None


class RedTeam(BaseModel):
    """Protections x defenses. Every protection, and the clean photos, meet no defense and the full one, in any case.

    Attributes:
        recipe: what everybody trains with.
        protections: what is done to photos.
        purify: ``section.field=value``: first part of the full defense.
        decouple: its second part: what training calls the noise, and prompts deny.
        sample: its third part, which changes how pictures are drawn and nothing else.
        ablation: protections, or "clean", against which all eight combinations of the parts are tried.
        purifiers: each tried alone, drawn both plainly and with ``sample``, so that none has a worse sampling than we. What cleans
            no photo may be among them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str = "dreambooth"
    protections: tuple[Named, ...] = Field(min_length=1)
    purify: Sets = Field(min_length=1)
    decouple: Sets = Field(min_length=1)
    sample: Sets = Field(min_length=1)
    ablation: tuple[str, ...] = ()
    purifiers: tuple[Alone, ...] = ()

    @model_validator(mode="after")
    def _known(self) -> RedTeam:
        known = [CLEAN, *(p.label for p in self.protections)]
        named = {*self.ablation, *(p for one in self.purifiers for p in one.against or ())}
        if unknown := named - set(known):
            raise ValueError(f"no protection is called {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        if len(set(known)) < len(known):
            raise ValueError(f"two protections share a name, or one is called {CLEAN}: {', '.join(known)}")
        if taken := {p.label for p in self.purifiers} & {label for label, _ in self._combinations()}:
            raise ValueError(f"a purifier cannot be called {', '.join(taken)}: a combination of the parts is")
        return self

    def arms(self) -> list[Arm]:
        """Every cell of the grid."""
        return [
            Arm(
                label=f"{protection} - {defense}",
                recipe=self.recipe,
                set=told,
                protection=protection,
                protect=protect,
                defense=defense,
            )
            for protection, protect in [(CLEAN, ()), *((p.label, p.set) for p in self.protections)]
            for defense, told in self._defenses(protection)
        ]

    def fewer(self) -> RedTeam:
        """Two protections, the first purifier, no ablation: to see that everything runs."""
        return self.model_copy(
            update={
                "protections": self.protections[:2],
                "ablation": (),
                "purifiers": tuple(p.model_copy(update={"against": None}) for p in self.purifiers[:1]),
            }
        )

    def _defenses(self, protection: str) -> Iterator[tuple[str, Sets]]:
        always = (UNDEFENDED, "sample", FULL)
        for label, told in self._combinations():
            if label in always or protection in self.ablation:
                yield label, told
        for one in self.purifiers:
            if one.against is None or protection in one.against:
                yield one.label, one.set
                yield f"{one.label}{JOINED}sample", (*one.set, *self.sample)

    def _combinations(self) -> Iterator[tuple[str, Sets]]:
        """All eight, from none of the parts to all."""
        for on in itertools.product((False, True), repeat=len(PARTS)):
            chosen = [part for part, wanted in zip(PARTS, on, strict=True) if wanted]
            yield JOINED.join(chosen) or UNDEFENDED, tuple(text for part in chosen for text in getattr(self, part))
