"""From a language model's answer to entries that fit their slot of a caption."""

from __future__ import annotations

import re
from collections.abc import Iterable

from staytrue.grammar import sounds_like_a_vowel
from staytrue.regularize.conditions import EMPTY, content

# up to the end of what a model thinks aloud, or from its beginning where it was cut off
THOUGHTS = re.compile(r"\A.*</think(?:ing)?>|<think(?:ing)?>.*", re.DOTALL | re.IGNORECASE)
LISTED = re.compile(r"\s*(?:\(?\d+[.):]|[-*]\s|[•–])\s*\S")
NUMBERED = re.compile(r"^\s*(?:\(?\d+[.):]|[-*•–])\s*")
QUOTES = "“”\"'`‘’*_ \t.,;:!"
WORDS = re.compile(r"[a-z0-9]+(?:[ '-][a-z0-9]+)*")
LONGEST = {"backgrounds": 12, "motions": 14, "styles": 8}
SLOT = "$concept"
# what is said around a list: words that no entry has, and entries that are none
TALKING = "i i'm i'll i've me you you'd your let's can't cannot here's sorry please thanks"
TALK = frozenset(TALKING.split())
CHATTING = "absolutely certainly enjoy etc hello maybe next no none ok okay say some sure unfortunately well yes"
CHATTER = frozenset(CHATTING.split())


def entries(answer: str, pool: str) -> list[str]:
    """The clean entries of one answer, in order, without repetitions: one a line, or a line with commas for adjectives.

    What a model says while it thinks is none, nor are lines without number or bullet where others have them.
    """
    lines = THOUGHTS.sub("", answer).replace("\r", "").split("\n")
    lines = [line for line in lines if LISTED.match(line)] or lines
    if pool not in LONGEST:
        lines = [part for line in lines for part in line.split(",")]
    return distinct(filter(None, (clean(line, pool) for line in lines)))


def clean(line: str, pool: str) -> str:
    """The line as an entry of the pool: lower case, no number, quotes or full stop; "" where it does not fit its slot."""
    text = " ".join(NUMBERED.sub("", line).strip(QUOTES).lower().replace("’", "'").split())
    fits = {"motions": _motion, "backgrounds": _background, "styles": _style}.get(pool, _adjective)
    found = fits(text)
    said = found.split()
    if found in CHATTER or {*TALK, pool} & set(said):  # "basic shapes" is a heading
        return ""
    return found if len(said) <= LONGEST.get(pool, 3) else ""


def distinct(found: Iterable[str]) -> list[str]:
    """Those whose words, without articles, order and endings, were not there before."""
    kept: dict[tuple[frozenset[str], str], str] = {}
    for entry in found:
        first = entry.split()[0]
        # "on a table" and "under a table" are two, though their content is one
        kept.setdefault((content(entry), first if first in EMPTY - {"a", "an", "the"} else ""), entry)
    return list(kept.values())


def _adjective(text: str) -> str:
    """Words only; an answer's "Here are 100 adjectives" has too many of them, and a gloss after a dash is cut off."""
    text = re.split(r" [-–—:(] ?| \(|: ", text)[0].strip(QUOTES)
    return text if WORDS.fullmatch(text) and not {"a", "an", "the", "of", "here", "and"} & set(text.split()) else ""


def _background(text: str) -> str:
    """A phrase that begins with a preposition."""
    starts = re.match(
        r"(above|across|after|against|along|amid|amidst|among|around|at|atop|before|behind|beneath|beside|between|beyond|by|during"
        r"|in|inside|near|next to|on|opposite|outside|over|surrounded by|under|underneath|with|within) \S",
        text,
    )
    return text if starts and WORDS.fullmatch(text) else ""


def _motion(text: str) -> str:
    """A sentence with "a $concept" once, at its beginning, and something after it."""
    rest = text.removeprefix(f"a {SLOT} ")
    return text if rest != text and rest and WORDS.fullmatch(rest) else ""


def _style(text: str) -> str:
    """A description that ends in "of", with the article that fits."""
    text = re.sub(r" of \.{2,}$", " of", text)
    bare = re.sub(r"^(?:an?|the) ", "", text)
    if not bare.endswith(" of") or not WORDS.fullmatch(bare):
        return ""
    return f"{'an' if sounds_like_a_vowel(bare) else 'a'} {bare}"
