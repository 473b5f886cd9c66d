"""Putting the identifier into a sentence that somebody, or something, wrote about the class."""

from __future__ import annotations

import re

from staytrue.grammar import word
from staytrue.types import Caption, Subject

PHRASE = "{phrase}"


def with_identifier(text: str, subject: Subject) -> Caption | None:
    """The sentence as a caption, with the identifier directly before the class noun's first mention.

    "A dog on a rock" becomes "A olis dog on a rock": a rare token takes "a". What follows the noun is kept as the
    background too, so that the regularization set can speak of the same places. A sentence that already holds the
    identifier, in large or small letters, is left as it is written.

    Returns:
        The caption, or None where the sentence mentions neither the noun nor the identifier.
    """
    text = " ".join(text.split())
    noun, identifier = re.escape(subject.class_noun), word(subject.identifier)
    whole = re.search(rf"{identifier.pattern}\s+{noun}\b", text, re.IGNORECASE)
    if whole is None and identifier.search(text):
        return Caption(noun=subject.class_noun, identifier=subject.identifier, text=text)
    match = whole or re.search(rf"\b{noun}\b", text, re.IGNORECASE)
    if match is None:
        return None
    before, after = text[: match.start()], text[match.end() :]
    if whole is None:
        before = re.sub(r"\b(a)n(?=\s+$)", r"\1", before, flags=re.IGNORECASE)
    return Caption(
        noun=subject.class_noun,
        identifier=subject.identifier,
        background="" if identifier.search(after) else _place(after),  # class images must not say it
        text=f"{before}{PHRASE}{after}",
    )


def _place(after: str) -> str:
    """The words after the noun where they simply go on ("on a rock."), not where a clause starts (", asleep")."""
    return after.strip(" .!") if after.startswith(" ") else ""
