"""What training did to the subject's words: where its phrase lies, and whether pictures still look at the class noun."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from staytrue.backbones.attention import attention_to_tokens
from staytrue.bench import metrics
from staytrue.config import RunConfig
from staytrue.diffusion.randomness import generator_for
from staytrue.generate.personalized import personalize
from staytrue.images.crop import fit, pixels_pm1
from staytrue.images.load import load_folder
from staytrue.runs import RunFolder
from staytrue.types import Caption, Subject

if TYPE_CHECKING:
    from staytrue.backbones.base import LoadedBackbone

STYLE = "a photo of"
TIMES = (200, 500, 800)  # of 1000


def words_of(here: RunFolder, config: RunConfig, device: str) -> dict[str, list[float]]:
    """``phrase_distance`` and ``class_attention`` (``bench/metrics/words.py``) of a finished training.

    Of "a photo of a [identifier] [noun]", beside the base model's "a photo of a [noun]", since the base need not know the
    identifier. Attention is that of the subject's held-out photos, noised to three times with noise that follows from nothing
    but their number.
    """
    subject, backbone, loaded = config.subjects[0], config.backbone, config.backbone.load(device)
    frequent = Caption(noun=subject.class_noun, style=STYLE)
    rare = frequent.with_identifier(subject.identifier).render()
    anchor = loaded.pooled_text([frequent.render()])
    before = class_attention(loaded, frequent.render(), subject)
    tuned = backbone.load(device)
    personalize(tuned, here.model, config.generate.loras, config.generate.lora_weight)
    phrase = tuned.pooled_text([rare])
    rows = [x.detach().float().cpu().numpy() for x in (phrase, anchor)]
    return {
        "phrase_distance": metrics.phrase_distance(*rows).tolist(),
        "class_attention": metrics.class_attention(class_attention(tuned, rare, subject), before).tolist(),
    }


def class_attention(backbone: LoadedBackbone, text: str, subject: Subject) -> list[float]:
    """The attention to the class noun, of each of the subject's held-out photos at each time."""
    import torch

    side, device = backbone.facts.resolution_px, backbone.device
    photos = [fit(photo.image, side) for photo in load_folder(subject.heldout or subject.photos)]
    with torch.no_grad():
        clean = backbone.encode(pixels_pm1(photos).to(device))[0].repeat_interleave(len(TIMES), dim=0)
        times = torch.tensor(TIMES, device=device).repeat(len(photos))
        noise = torch.randn(clean.shape, generator=generator_for("class attention")).to(device)
        noised = backbone.process.noise(clean, noise, times)
        condition = backbone.encode_text([text] * len(noised))
        looks = attention_to_tokens(backbone.unet, lambda: backbone.predict(noised, condition))
    return looks[:, noun_places(backbone, text, subject.class_noun)].sum(dim=1).tolist()


def noun_places(backbone: LoadedBackbone, text: str, noun: str) -> list[int]:
    """At which tokens a text has its class noun: the last time that it occurs.

    Raises:
        ValueError: it does not.
    """
    ids: Sequence[int] = backbone.tokens([text])[0].tolist()
    wanted = backbone.tokenizer(noun, add_special_tokens=False).input_ids
    starts = [i for i in range(len(ids) - len(wanted) + 1) if list(ids[i : i + len(wanted)]) == list(wanted)]
    if not starts:
        raise ValueError(f"the tokens of {noun!r} are not among those of {text!r}")
    return list(range(starts[-1], starts[-1] + len(wanted)))
