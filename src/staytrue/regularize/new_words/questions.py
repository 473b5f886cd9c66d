"""The paper's questions to a language model, and how they are put for another domain."""

from __future__ import annotations

from dataclasses import dataclass

from staytrue.grammar import with_article

ADJECTIVES = "give me 100 adjective words describing the {what} of {domain}"
BACKGROUNDS = "give me 500 phrases that describe the background, such as “on the table”, as diverse as possible."
MOTIONS = (
    "give me 1000 different short concise sentences that contains a special token “$concept” which stands for a specific "
    "{domain}, which can be a dog, a cat or a human. For example: “a $concept sitting in a temple”, “a $concept walking in a "
    "supermarket”. Keep “a $concept” in the sentences."
)
STYLES = "give me 100 image style descriptions, such as “a photo of”, and “a painting of”."
MORE = "give me {number} more, in the same form, all different from the ones before."
DESCRIBED = {
    "shapes": "shape", "colors": "color", "textures": "texture",
    "bodies": "body", "skins": "skin or fur", "emotions": "emotion",
}  # fmt: skip
OF_OBJECTS = ("shapes", "colors", "textures", "backgrounds", "styles")
OF_THE_LIVING = ("bodies", "skins", "emotions", "motions", "backgrounds", "styles")
# the paper's pools after its duplicates were removed
SIZES = {
    "shapes": 85, "colors": 93, "textures": 96, "backgrounds": 455, "bodies": 89, "skins": 86, "emotions": 75,
    "motions": 744, "styles": 99,
}  # fmt: skip


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        pool: what the answer is for.
        text: as it is asked.
        size: how many entries the paper kept.
    """

    pool: str
    text: str
    size: int


def question(pool: str, domain: str) -> Question:
    """The paper's question for a pool (arXiv 2311.04315, section 3 and its appendix).

    Word for word for "object" and "animal"; for "person" its rule is that "person" replaces "animal", and other domains
    follow that rule.
    """
    if pool in DESCRIBED:
        text = ADJECTIVES.format(what=DESCRIBED[pool], domain=with_article(domain))
    else:
        motions = MOTIONS.replace("a specific {domain}", with_article(f"specific {domain}"))
        text = {"backgrounds": BACKGROUNDS, "motions": motions, "styles": STYLES}[pool]
    return Question(pool, text, SIZES[pool])
