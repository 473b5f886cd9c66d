"""Captions: exact for the picture, varied in form."""

import numpy as np

from foundry.world.nouns import nouns
from foundry.world.scene import CLEAN, Scene

AN = ("a", "e", "i", "o", "u")
PREFIXED = {"noisy": "a noisy photo of", "blurry": "a blurry photo of", "low quality": "a low quality photo of"}


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """Put a scene into words."""
    postponed = _postponed(scene, rng)
    what = " ".join(filter(None, (_subject(scene, postponed, rng), *_actions(scene, postponed))))
    text = _with_background(what, scene.background, rng)
    return _with_medium(text, scene, rng)


def article(words: str) -> str:
    """Words with `a` or `an` before them."""
    return f"{'an' if words.startswith(AN) else 'a'} {words}"


def _postponed(scene: Scene, rng: np.random.Generator) -> tuple[str, ...]:
    """Adjectives said after the noun: `a dog that is red`."""
    told = [name for name in ("color", "texture", "mood") if getattr(scene, name)]
    return (str(rng.choice(told)),) if told and rng.random() < 0.12 else ()


def _subject(scene: Scene, postponed: tuple[str, ...], rng: np.random.Generator) -> str:
    order = ("mood", "shape", "texture", "color", "rare")
    adjectives = [getattr(scene, name) for name in order if name not in postponed]
    before = scene.motion if scene.motion and _early(scene) else None
    head = scene.hypernym or scene.noun
    words = " ".join(filter(None, (adjectives[0], before, *adjectives[1:], head)))
    if scene.hypernym or not nouns()[scene.noun].pair:
        return article(words)
    return f"a pair of {words}" if rng.random() < 0.3 else words


def _early(scene: Scene) -> bool:
    """Whether the motion stands before the noun, decided by the picture so that it needs no state."""
    return scene.layout % 4 == 0


def _actions(scene: Scene, postponed: tuple[str, ...]) -> list[str]:
    """What follows the noun."""
    verb = "are" if nouns()[scene.noun].pair and not scene.hypernym else "is"
    said = [f"that {verb} {getattr(scene, name)}" for name in postponed]
    said += [scene.motion] if scene.motion and not _early(scene) else []
    said += [f"wearing {scene.accessory}"] if scene.accessory else []
    if scene.second:
        said.append(f"{'with' if scene.layout % 2 else 'next to'} {article(scene.second)}")
    return said


def _with_background(what: str, background: str | None, rng: np.random.Generator) -> str:
    if background is None:
        return what
    form = rng.choice(3, p=[0.78, 0.12, 0.1])
    return (f"{what} {background}", f"{what}, {background}", f"{background}, {what}")[form]


def _with_medium(text: str, scene: Scene, rng: np.random.Generator) -> str:
    """Name style or degradation; a plain photo is sometimes called one."""
    led = scene.background is not None and text.startswith(scene.background)
    if scene.style:
        return f"{text}, {scene.style}" if led or rng.random() < 0.3 else f"{article(scene.style)} of {text}"
    if scene.degradation in PREFIXED:
        return f"{PREFIXED[scene.degradation]} {_inside(text, led)}"
    if scene.degradation:
        return f"{text} {CLEAN}" if scene.degradation == CLEAN else f"{text}, {scene.degradation}"
    if not led and rng.random() < 0.3:
        return f"a photo of {text}"
    return text


def _inside(text: str, led: bool) -> str:
    """Background-first text turned round, to follow `a photo of`."""
    if not led:
        return text
    background, what = text.split(", ", 1)
    return f"{what} {background}"
