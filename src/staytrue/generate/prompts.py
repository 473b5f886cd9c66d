"""Prompts: where they come from, and how the subject's phrase gets into them, and out again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from staytrue.errors import ConfigError
from staytrue.grammar import with_article, word
from staytrue.types import Caption, Facts, Subject, lives

# an article, then up to three adjectives, then the slot: "a {}", "an old red {}"; words that end a phrase do not count
BEFORE = r"\b(an?) ((?:(?!(?:an?|the|of|in|on|at|to|by|and|with|from)\b)[\w-]+ ){0,3})"
SLOT, OTHER = "{}", "{other}"

GENERAL = (
    "a {} on the beach",
    "a {} in the snow",
    "a {} in the jungle",
    "a {} with a mountain in the background",
    "a {} on top of a wooden floor",
)
GENERAL_OBJECT = (
    "a {} floating on top of water",
    "a {} with the Eiffel Tower in the background",
    "a red {}",
    "a watercolor painting of a {}",
    "a {} seen from the top",
)
GENERAL_LIVING = (
    "a {} wearing a santa hat",
    "a {} in a firefighter outfit",
    "a sleeping {}",
    "a red {}",
    "a watercolor painting of a {}",
)
MINIATURE = (
    "a {} on the beach",
    "a {} in the snow",
    "a {} in front of a brick wall",
    "a {} under a night sky",
    "a {} on a wooden floor",
    "a painting of a {} in a wheat field",
)
MINIATURE_OBJECT = ("a {} with a balloon", "a blue {}", "a striped {} on the grass", "a tiny {} in outer space")
PAIRS = (
    "a {} next to a {other}",
    "a {} and a {other} on the beach",
    "a {} and a {other} in the snow",
    "a {} next to a {other} in front of a brick wall",
    "a watercolor painting of a {} next to a {other}",
)
MINIATURE_PAIRS = (
    "a {} next to a {other}",
    "a {} with a {other} on the beach",
    "a {} next to a {other} in the snow",
    "a {} next to a {other} on the grass",
    "a painting of a {} next to a {other}",
)
MINIATURE_LIVING = ("a {} wearing a top hat", "a {} wearing sunglasses on the grass", "a blue {}", "a {} sleeping")


@dataclass(frozen=True)
class Prompt:
    """One prompt, for one subject or for two.

    Attributes:
        text: as the personalized model is asked.
        plain: without the identifier: for the base model, and for scores of text against picture.
        named: the subjects whose identifiers are in it.
    """

    text: str
    plain: str
    named: tuple[Subject, ...] = ()


def concept_prompts(subject: Subject) -> list[Prompt]:
    """Concept extraction: the identifier alone, then with its noun (Liu et al. 2024, arXiv 2406.18944, figure 2)."""
    named = Caption(noun=subject.class_noun, identifier=subject.identifier, style="a photo of")
    plain = named.without_identifier(subject.identifier).render()
    return [Prompt(text, plain, (subject,)) for text in (f"a photo of {subject.identifier}", named.render())]


def read_prompts(source: Sequence[str] | Path, setting: str = "generate.prompts") -> list[str]:
    """The prompts of a list, or of a text file: one a line; empty lines and lines that begin with "#" are skipped.

    Args:
        source: of the prompts.
        setting: that names it, for messages.

    Raises:
        ConfigError: the file cannot be read, or there is no prompt.
    """
    lines: Sequence[str]
    if isinstance(source, Path):
        try:
            lines = source.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{setting}: cannot read {source} as a text file, one prompt a line: {error}; prompts themselves are a list,"
                f" '{setting}=[\"a {{}} on the beach\"]'"
            ) from None
    else:
        lines = source
    prompts = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not prompts:
        raise ConfigError(f"{setting}: no prompt in {source or 'the list'}; write one such as 'a {{}} on the beach'")
    return prompts


def default_prompts(subject: Subject, facts: Facts) -> list[str]:
    """Ten prompts of different kinds: places, surface, accessory, second object, color, texture or pose, style."""
    if facts.is_miniature:
        return [*MINIATURE, *(MINIATURE_LIVING if lives(subject) else MINIATURE_OBJECT)]
    return [*GENERAL, *(GENERAL_LIVING if lives(subject) else GENERAL_OBJECT)]


def default_pair_prompts(facts: Facts) -> list[str]:
    """Five prompts with two subjects: beside each other, in places, in a style."""
    return list(MINIATURE_PAIRS if facts.is_miniature else PAIRS)


def fill(template: str, subject: Subject, other: Subject | None = None, *, beside: Sequence[Subject] = ()) -> Prompt:
    """Puts the subject into a prompt for ``{}``, and another for ``{other}``, each with the article that fits.

    "a {} on the beach" gives "a olis dog on the beach", and plainly "a dog on the beach". A prompt without ``{}`` is
    drawn as it is written; identifiers are taken out of its plain form all the same, also those of subjects ``beside``: others of
    the run, and whom other trainings know.
    """
    who = {SLOT: subject} | ({OTHER: other} if other else {})
    everyone = who | {f"{{beside {place}}}": one for place, one in enumerate(beside)}
    text = plain = template
    for slot, one in everyone.items():
        text = _put(text, slot, one.phrase, one.identifier)
        plain = _put(word(one.phrase).sub(slot, plain), slot, one.class_noun)
    for one in everyone.values():
        plain = word(one.identifier).sub(" ", plain)
    named = tuple(one for one in who.values() if word(one.identifier).search(text))
    return Prompt(text, re.sub(r"\s+([,.;]|$)", r"\1", re.sub(r"\s+", " ", plain)).strip(), named)


def with_vague_nouns(plain: str, subjects: Iterable[Subject]) -> str:
    """A plain prompt with the broad class nouns in place of the subjects' own: "an owl on a rug" as "a bird on a rug".

    Known to fail: a pair's broad noun gets no article, "accessory" for "sunglasses".
    """
    for one in subjects:
        plain = _put(word(one.class_noun).sub(SLOT, plain), SLOT, one.class_noun_vague or one.class_noun)
    return plain


def _put(template: str, slot: str, words: str, identifier: str = "") -> str:
    """``words`` for every ``slot``; an article before it is chosen anew, and dropped before pair nouns."""

    def with_fitting_article(found: re.Match[str]) -> str:
        phrase = with_article(f"{found[2]}{words}", identifier)
        return phrase[0].upper() + phrase[1:] if found[1][0].isupper() else phrase

    return re.sub(BEFORE + re.escape(slot), with_fitting_article, template, flags=re.IGNORECASE).replace(slot, words)
