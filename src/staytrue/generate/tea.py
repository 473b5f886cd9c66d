"""TEA, test-time embedding adjustment: the subject's words are turned back toward its class when a picture is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from staytrue.registry import component

if TYPE_CHECKING:
    from torch import Tensor

    from staytrue.backbones.base import LoadedBackbone


@component
class TEA:
    """Rotates text embeddings of a prompt with the identifier toward those of the same prompt with the class noun alone.

    For v of the rare and c of the class prompt, theta the angle between them and N = (1 - alpha) |v| + alpha beta |c|:

        v^ = N [ sin((1 - rotation) theta) v/|v| + sin(rotation theta) c/|c| ] / sin theta

    No training; the network is not touched.

    Args:
        rotation: 0 keeps the direction, 1 is the class's.
        alpha: 0 keeps the length, 1 takes beta times the class's.
        beta: of the class's length.
        level: "states": every output of the text encoder, as the code does for DreamBooth and Custom Diffusion; "token": the
            identifier's row of the embedding before the encoder, against the mean of the class noun's, as it does for textual
            inversion.

    Source: arXiv 2506.22685; code tuananhbui89/Embedding-Adjustment b8c3cab. The defaults are the code's (rotation 0.2, alpha 0.5,
    beta 1; there 0.1 for DreamBooth). The paper's formula is alpha = 1, beta = 1.5, rotation = 0.2, level = "token".
    Differs: the code compares outputs at equal positions, which belong to different words once the rare prompt has more tokens
    than the class prompt. Here each word is compared with itself, and the identifier with the end of the class noun.

    Known to fail: with two subjects in a prompt "token" adjusts the last of them alone. At "states", with alpha beta far from 1,
    words that were right already are scaled. Where the identifier was trained to mean what the class noun does not.
    """

    rotation: float = Field(default=0.2, ge=0, le=1)
    alpha: float = Field(default=0.5, ge=0, le=1)
    beta: float = Field(default=1.0, gt=0)
    level: Literal["states", "token"] = "states"

    def __call__(
        self, backbone: LoadedBackbone, prompt: str, identifier: str, class_noun: str, states: Tensor
    ) -> Tensor:
        """The states (tokens, width) of a prompt, adjusted; as they are where it does not hold the identifier.

        Args:
            backbone: encodes.
            prompt: the whole text.
            identifier: the rare token in it; empty for none.
            class_noun: what it names.
            states: of the prompt, as encoded.
        """
        import torch

        rare, noun = (_ids(backbone, text) for text in (identifier, class_noun))
        ids = backbone.tokens([prompt])[0]
        aligned = _aligned(ids.tolist(), rare, noun) if identifier else None
        if aligned is None:
            return states
        if self.level == "token":
            with torch.no_grad():
                toward = backbone.token_vectors(ids.new_tensor(noun)).mean(dim=0, keepdim=True)
                vectors = self.adjusted(backbone.token_vectors(ids.new_tensor(rare)), toward.expand(len(rare), -1))
                return backbone.encode_tokens(ids[None], dict(zip(rare, vectors, strict=True)))[0]
        counterpart, places = aligned
        toward = backbone.encode_tokens(ids.new_tensor([counterpart]))[0][places]
        return self.adjusted(states, toward)

    def adjusted(self, v: Tensor, c: Tensor) -> Tensor:
        """The formula, for pairs of vectors (rows, width); a straight line where the angle is too small to turn in."""
        import torch

        lengths = v.norm(dim=1, keepdim=True), c.norm(dim=1, keepdim=True)
        length = (1 - self.alpha) * lengths[0] + self.alpha * self.beta * lengths[1]
        one, two = v / lengths[0], c / lengths[1]
        angle = (one * two).sum(dim=1, keepdim=True).clamp(-1, 1).acos()
        turned = ((1 - self.rotation) * angle).sin() * one + (self.rotation * angle).sin() * two
        straight = (1 - self.rotation) * one + self.rotation * two
        return length * torch.where(angle.sin() > 1e-4, turned / angle.sin().clamp(min=1e-4), straight)


def _ids(backbone: LoadedBackbone, text: str) -> list[int]:
    """A text's own tokens, without the marks of start and end."""
    [whole], [empty] = backbone.tokens([text]).tolist(), backbone.tokens([""]).tolist()
    return whole[1 : next(n for n in range(1, len(whole)) if whole[n] == empty[1])]


def _aligned(ids: list[int], rare: list[int], noun: list[int]) -> tuple[list[int], list[int]] | None:
    """The class prompt's ids, and for each place of the rare prompt the place in it that says the same.

    The identifier is left out where the noun follows it, and gives way to the noun where it stands alone; its own places point to
    the noun's last token. None where the prompt lacks the identifier.
    """
    made: list[int] = []
    places: list[int] = []
    place, found = 0, False
    while place < len(ids):
        if rare and ids[place : place + len(rare)] == rare:
            found, after = True, place + len(rare)
            places += [len(made) + len(noun) - 1] * len(rare)
            if ids[after : after + len(noun)] != noun:
                made += noun
            place = after
        else:
            places.append(len(made))
            made.append(ids[place])
            place += 1
    made = (made + [ids[-1]] * len(ids))[: len(ids)]
    return (made, [min(p, len(ids) - 1) for p in places]) if found else None
