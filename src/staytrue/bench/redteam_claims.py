"""What the red team's paper says in numbers, and what the same differences are here, each with its interval over subjects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from staytrue.bench.arms import CLEAN, FULL, JOINED, PARTS, UNDEFENDED, RedTeam
from staytrue.bench.protected import controls, protect_of
from staytrue.bench.summary import rounded
from staytrue.evaluate.reduce import Interval, bootstrap
from staytrue.protect.config import Protect

DIGITS = 5
DECOUPLE, PURIFY = "decouple", "purify"
SAMPLED = f"{JOINED}sample"
COMBINATIONS = tuple(
    JOINED.join(p for p, on in zip(PARTS, row, strict=True) if on) or UNDEFENDED
    for row in product((False, True), repeat=len(PARTS))
)
# of one kind, by (subject, seed)
Numbers = Mapping[tuple[str, int], float]
# (protection, defense) -> numbers
Cell = tuple[str, str]
Cells = Mapping[Cell, Numbers]
Paired = Interval | None


@dataclass(frozen=True)
class Measured:
    """What the claims are about.

    Attributes:
        average: the average score.
        to_clean: distance to the clean photos of those that were trained on.
        cleaning_s: seconds of cleaning a photo.
        designs: of the subjects; two of one design say little more than one.
        protections: that have run, by name.
        defenses: settings of those that have run, by name.
        asked: the suite's grid; None takes what has run for all that was asked for.
    """

    average: Cells
    to_clean: Cells
    cleaning_s: Cells
    designs: Mapping[str, str]
    protections: Mapping[str, Protect]
    defenses: Mapping[str, Sequence[str]]
    asked: RedTeam | None = None

    @property
    def attacks(self) -> list[str]:
        """Those that have run."""
        return list(controls(self.protections))

    @property
    def wanted_attacks(self) -> dict[str, str | None]:
        """All, each with the random noise of its radius."""
        named = {p.label: protect_of(p.set) for p in self.asked.protections} if self.asked else {}
        return controls({**named, **self.protections})

    @property
    def alone(self) -> list[str]:
        """What was tried alone and cleans photos."""
        tried = {d: told for d, told in self.defenses.items() if d not in COMBINATIONS and not d.endswith(SAMPLED)}
        return _cleaning(tried)

    @property
    def wanted_alone(self) -> list[str]:
        """All of these."""
        named = _cleaning({p.label: p.set for p in self.asked.purifiers}) if self.asked else []
        return list(dict.fromkeys([*named, *self.alone]))

    def beyond(self, cells: Cells, pairs: Iterable[tuple[Cell, Cell]]) -> Paired:
        """How much more the first of each pair of cells has than the second; None where no subject has both.

        Of each subject the mean over its pairs of the mean over the seeds that both have; the bootstrap draws designs.
        """
        found: dict[str, list[float]] = {}
        for first, second in pairs:
            more, less = cells.get(first, {}), cells.get(second, {})
            runs = sorted(more.keys() & less.keys())
            for subject in {subject for subject, _ in runs}:
                mine = [more[run] - less[run] for run in runs if run[0] == subject]
                found.setdefault(subject, []).append(float(np.mean(mine)))
        subjects = sorted(found)
        if not subjects:
            return None
        return bootstrap([float(np.mean(found[s])) for s in subjects], [self.designs[s] for s in subjects])

    def gain(self, better: str, worse: str, against: Sequence[str] | None = None) -> Paired:
        """``beyond`` of average scores, of one defense beyond another under some attacks; None takes all that have run."""
        pairs = [((p, better), (p, worse)) for p in (self.attacks if against is None else against)]
        return self.beyond(self.average, pairs)


def claims(of: Measured) -> list[dict[str, Any]]:
    """The paper's claims, each as a difference that is above 0 where it agrees: of average scores, unless it says of what.

    A claim about every one of a kind is as true as its least difference, and waits for all that the suite asks for. None has a
    verdict unless its whole interval lies on one side of 0: one subject has no interval. Source: DiffShortcut (arXiv 2406.18944),
    tables 1 to 4 and section 3.
    """
    return [*_of_attacks(of), *_of_the_defense(of), *_of_the_purifier(of), *_of_parts(of)]


def _of_attacks(of: Measured) -> list[dict[str, Any]]:
    """An attack that costs no more than nothing at all does not cost more for beating random noise, which may do good."""
    costs = {
        p: [of.beyond(of.average, [((other, UNDEFENDED), (p, UNDEFENDED))]) for other in (noise, CLEAN)]
        for p, noise in controls(of.protections).items()
        if noise
    }
    wanted = [p for p, noise in of.wanted_attacks.items() if noise]
    return [
        _every("every attack costs more than random noise of its radius, and than no attack", costs, wanted, "attacks")
    ]


def _of_the_defense(of: Measured) -> list[dict[str, Any]]:
    """A purifier's own sampling is plain, as the paper's are; it is compared with ours, too."""
    above = {
        f"{one}, {p}": [of.gain(FULL, f"{one}{sampling}", [p]) for sampling in ("", SAMPLED)]
        for one, p in product(of.alone, of.attacks)
    }
    wanted = [f"{one}, {p}" for one, p in product(of.wanted_alone, of.wanted_attacks)]
    clean = of.beyond(of.average, [((p, FULL), (CLEAN, UNDEFENDED)) for p in of.attacks])
    return [
        _every("the full defense is better than every purifier alone, under every attack", above, wanted, "pairs"),
        _one("the full defense on protected photos is better than clean photos without it", clean),
    ]


def _of_the_purifier(of: Measured) -> list[dict[str, Any]]:
    nearer = {one: [of.beyond(of.to_clean, [((p, one), (p, PURIFY)) for p in of.attacks])] for one in of.alone}
    slow = [one for one in of.alone if "purify.name=impress" in of.defenses[one]]
    faster = of.beyond(of.cleaning_s, [((p, one), (p, PURIFY)) for one in slow for p in of.attacks])
    near = "the full purification leaves photos nearer to clean ones than every purifier alone (distance)"
    return [
        _every(near, nearer, of.wanted_alone, "purifiers"),
        _one("the full purification is faster than IMPRESS (seconds a photo)", faster),
    ]


def _of_parts(of: Measured) -> list[dict[str, Any]]:
    better = {one: [of.gain(DECOUPLE, one)] for one in of.alone}
    adaptive = of.gain(FULL, f"{PURIFY}{SAMPLED}", ["adaptive"])
    return [
        _every("decoupling alone is better than every purifier alone", better, of.wanted_alone, "purifiers"),
        _one("decoupling alone is better than the full purification alone", of.gain(DECOUPLE, PURIFY)),
        _one("purification adds to decoupling", of.gain(FULL, f"{DECOUPLE}{SAMPLED}")),
        _one("decoupling adds to purification, under the adaptive attack, too", adaptive),
    ]


def _one(claim: str, paired: Paired) -> dict[str, Any]:
    return _row(claim, paired) | _verdict([paired] if paired else [])


def _every(claim: str, members: Mapping[str, Sequence[Paired]], asked: Iterable[str], kind: str) -> dict[str, Any]:
    """The least of the differences, with how many members have run of those that are asked for; the verdict waits for all."""
    known = {name: [p for p in paired if p] for name, paired in members.items() if all(paired)}
    wanted, every = {*asked, *members}, [one for paired in known.values() for one in paired]
    found = _row(claim, min(every, key=lambda one: one.mean, default=None))
    found |= _verdict(every) if known.keys() == wanted else {"agrees": None}
    return found | {"ran": f"{len(known)} of {len(wanted)} {kind}"}


def _row(claim: str, paired: Paired) -> dict[str, Any]:
    ours = round(paired.mean, DIGITS) if paired else None
    return {"claim": claim, "ours": ours, "ci95": rounded((paired.low, paired.high)) if paired else None}


def _verdict(every: Sequence[Interval]) -> dict[str, Any]:
    """Whether all differences are above 0, or one below, by their intervals; else why that is not known."""
    ends = [(one.low, one.high) for one in every if one.low is not None and one.high is not None]
    if len(ends) < len(every):
        return {"agrees": None, "why": "one subject" if every[0].n == 1 else "one design"}
    if every and all(low > 0 for low, _ in ends):
        return {"agrees": True}
    if any(high < 0 for _, high in ends):
        return {"agrees": False}
    return {"agrees": None} | ({"why": f"{'its' if len(every) == 1 else 'an'} interval holds 0"} if every else {})


def _cleaning(defenses: Mapping[str, Sequence[str]]) -> list[str]:
    """Those whose settings choose a purifier."""
    return [d for d, told in defenses.items() if any(one.startswith("purify.") for one in told)]
