"""Contrastive encoders of text and pictures: the model's own (its text tower conditions the denoiser) and a judge's.

CLIP's text tower, and a ConvNeXt V2 for pictures: trained from nothing for minutes, a convolutional tower sees shapes where
a transformer still sees colors. Linear heads that name the facts of a picture help while training and are thrown away:
contrast alone is too weak a teacher.
"""

import argparse
import json
import sys

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import CLIPTextConfig, ConvNextV2Config, VisionTextDualEncoderConfig
from transformers import VisionTextDualEncoderModel as Clip

from foundry.models.pictures import BalancedDraw, Pictures
from foundry.models.tokenizer import SPARE
from foundry.models.tokenizer import load as load_tokenizer
from foundry.models.training import RUNS, Plan, Trainer, device, load_ema, parse_plan

FACTS = ("noun", "color", "background", "accessory", "second", "texture", "shape", "style", "motion", "mood")
FACTS_WEIGHT = 0.5
NOUN_WEIGHT = 3.0
CLUTTER = ("background", "second", "style", "shape", "degradation")
EASY_SHARE = 0.6
IDENTIFIER_CHANCE = 0.15
SHIFT, SCALE = 0.12, 0.2
PROBES = {"noun": "a {}", "color": "a {} toy", "background": "a toy {}", "accessory": "an animal with {}"}
OWN = {"text": (192, 3), "stages": ((40, 80, 160), (1, 2, 2)), "projection": 128}
JUDGE = {"text": (128, 2), "stages": ((48, 96, 192), (1, 2, 2)), "projection": 128}


def build(sizes: dict) -> Clip:
    """An untrained pair of towers; 64 px pictures in patches of 4, then stages that halve the side."""
    widths, depths = sizes["stages"]
    # A dual encoder reads `hidden_size`, which a ConvNeXt's settings have no use for.
    stages = {
        "num_stages": len(widths),
        "hidden_sizes": list(widths),
        "depths": list(depths),
        "hidden_size": widths[-1],
    }
    both = VisionTextDualEncoderConfig.from_vision_text_configs(
        ConvNextV2Config(image_size=64, patch_size=4, **stages), _text(sizes), projection_dim=sizes["projection"]
    )
    return Clip(both).to(device(), memory_format=torch.channels_last)


def _text(sizes: dict) -> CLIPTextConfig:
    """Settings of a text tower."""
    tokenizer = load_tokenizer()
    width, layers = sizes["text"]
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        max_position_embeddings=tokenizer.model_max_length,
        projection_dim=sizes["projection"],
        bos_token_id=tokenizer.bos_token_id,
        # Any id but 2 makes transformers pool where this token stands; 2 would mean "the largest id".
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


class ClipTask:
    """Match pictures with their captions, and name the facts of pictures.

    Attributes:
        modules: the CLIP and its passing heads.
    """

    def __init__(self, pictures: Pictures, sizes: dict, batch: int, freeze_text: bool = False):
        self.pictures, self.batch = pictures, batch
        self.tokenizer = load_tokenizer()
        self.clip = build(sizes)
        self.labels = {name: self._labels(name) for name in FACTS}
        self.probes = {name: [form.format(v) for v in pictures.classes(name)[1]] for name, form in PROBES.items()}
        self.draw = BalancedDraw(self.labels["noun"])
        self.draw_easy, self.easy = self._easy_draw()
        heads = {name: nn.Linear(sizes["projection"], int(v.max()) + 1) for name, v in self.labels.items()}
        self.modules = nn.ModuleDict({"clip": self.clip, "heads": nn.ModuleDict(heads).to(device())})
        if freeze_text:
            self.clip.text_model.requires_grad_(False)
            self.clip.text_projection.requires_grad_(False)

    def _labels(self, name: str) -> Tensor:
        labels, values = self.pictures.classes(name)
        return labels.where(labels != values.index(""), torch.tensor(-100)) if "" in values else labels

    def _easy_draw(self) -> tuple[BalancedDraw, Tensor]:
        rows = self.pictures.rows
        easy = torch.tensor([i for i, row in enumerate(rows) if not any(row.get(field) for field in CLUTTER)])
        return BalancedDraw(self.labels["noun"][easy]), easy

    def draw_rows(self, progress: float) -> Tensor:
        """Mostly uncluttered pictures at first: there a transformer finds out sooner what has a shape."""
        easy = max(1, int(self.batch * EASY_SHARE * min(1.0, 2.5 * (1 - progress))))
        return torch.cat([self.easy[self.draw_easy(easy)], self.draw(self.batch - easy)])

    def loss(self, progress: float) -> tuple[Tensor, dict[str, float]]:
        """Symmetric contrast plus the mean cross-entropy of the facts."""
        rows = self.draw_rows(progress)
        pixels = augment(self.pictures.batch(rows))
        texts = [with_identifier(self.pictures.rows[i], IDENTIFIER_CHANCE) for i in rows.tolist()]
        tokens = self.tokenizer(texts, padding=True, return_tensors="pt").to(device())
        image = embed_pictures(self.clip, pixels)
        text = embed_tokens(self.clip, tokens)
        scores = self.clip.logit_scale.clamp(max=4.6).exp() * text @ image.T
        truth = torch.arange(len(rows), device=scores.device)
        contrast = (F.cross_entropy(scores, truth) + F.cross_entropy(scores.T, truth)) / 2
        # One head reads both towers, so the facts pull a picture and its caption to the same place.
        facts, right = self._name_facts(image, rows)
        facts = facts + self._name_facts(text, rows)[0] + self._probe(image, rows)
        hits = (scores.argmax(0) == truth).float().mean().item()
        return contrast + FACTS_WEIGHT * facts, {"contrast": contrast.item(), "in_batch": hits, "noun": right}

    def _probe(self, image: Tensor, rows: Tensor) -> Tensor:
        """Mean cross-entropy of the facts as a judge is asked for them: which of these short texts is nearest?"""
        asked = {name: labels for name in self.probes if ((labels := self.labels[name][rows]) >= 0).any()}
        texts = [text for name in asked for text in self.probes[name]]
        tokens = self.tokenizer(texts, padding=True, return_tensors="pt").to(device())
        scores = self.clip.logit_scale.clamp(max=4.6).exp() * image @ embed_tokens(self.clip, tokens).T
        parts = scores.split([len(self.probes[name]) for name in asked], dim=1)
        losses = [F.cross_entropy(p, labels.to(p.device)) for p, labels in zip(parts, asked.values(), strict=True)]
        return torch.stack(losses).mean()

    def _name_facts(self, embedding: Tensor, rows: Tensor) -> tuple[Tensor, float]:
        losses, right = [], 0.0
        for name, labels in self.labels.items():
            truth = labels[rows].to(embedding.device)
            if (truth >= 0).any():
                # Unit vectors make too flat logits for a linear head.
                logits = self.modules["heads"][name](8 * embedding)
                losses.append(F.cross_entropy(logits, truth))
                right = (logits.argmax(1) == truth).float().mean().item() if name == "noun" else right
        return torch.stack(losses).mean() + NOUN_WEIGHT * losses[0], right


def augment(pixels: Tensor) -> Tensor:
    """Pictures mirrored, shifted and scaled at random: designs nobody drew, for a tower that must name unseen ones."""
    scale = 1 + SCALE * (2 * torch.rand(len(pixels)) - 1)
    mirror = 1 - 2 * torch.randint(2, (len(pixels),))
    shift = SHIFT * (2 * torch.rand(2, len(pixels)) - 1)
    zero = torch.zeros(len(pixels))
    rows = torch.stack([scale * mirror, zero, shift[0]], dim=1), torch.stack([zero, scale, shift[1]], dim=1)
    grid = F.affine_grid(torch.stack(rows, dim=1).to(pixels.device), list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)


def with_identifier(row: dict, chance: float) -> str:
    """The caption, now and then with a meaningless word before the noun: identifiers must not disturb the class."""
    caption, noun = row["caption"], f" {row['noun']}"
    if row.get("rare") or noun not in caption or torch.rand(()) > chance:
        return caption
    word = SPARE[torch.randint(len(SPARE), ())]
    return caption.replace(noun, f" {word}{noun}", 1)


def embed_pictures(clip: Clip, pixels: Tensor) -> Tensor:
    """Unit image embeddings of pixels in [-1, 1]."""
    return F.normalize(clip.visual_projection(clip.vision_model(pixel_values=pixels).pooler_output), dim=-1)


def embed_tokens(clip: Clip, tokens: dict[str, Tensor]) -> Tensor:
    """Unit text embeddings of tokens."""
    # Attention is causal: padding, which follows the end token, needs no mask.
    pooled = clip.text_model(input_ids=tokens["input_ids"]).pooler_output
    return F.normalize(clip.text_projection(pooled), dim=-1)


@torch.inference_mode()
def embed_texts(clip: Clip, texts: list[str]) -> Tensor:
    """Unit text embeddings of strings."""
    return embed_tokens(clip, load_tokenizer()(texts, padding=True, return_tensors="pt").to(device()))


@torch.inference_mode()
def embed_all(clip: Clip, pictures: Pictures) -> Tensor:
    """Unit image embeddings of all pictures."""
    return torch.cat([embed_pictures(clip, pictures.batch(i)) for i in torch.arange(len(pictures)).split(100)])


def zero_shot(clip: Clip, image: Tensor, prompts: list[str]) -> Tensor:
    """Which prompt each image embedding is nearest to."""
    return (image @ embed_texts(clip, prompts).T).argmax(1).cpu()


def load(judge: bool = False) -> Clip:
    """The trained CLIP, frozen."""
    return load_ema(build(JUDGE if judge else OWN), RUNS / ("judge" if judge else "clip"), "clip")


def load_text() -> nn.Module:
    """The model's own text tower alone, frozen."""
    return load_ema(build(OWN).text_model, RUNS / "clip", "clip.text_model")


def measure(clip: Clip, holdout: Pictures) -> dict[str, float]:
    """Zero-shot accuracy of facts and retrieval of captions on held-out pictures."""
    image = embed_all(clip, holdout)
    nearest = zero_shot(clip, image, holdout.captions)
    result = {"retrieval": (nearest == torch.arange(len(holdout))).float().mean().item()}
    for name, prompt in PROBES.items():
        labels, values = holdout.classes(name)
        known = [i for i, value in enumerate(values) if value]
        found = zero_shot(clip, image, [prompt.format(values[i]) for i in known])
        asked = torch.isin(labels, torch.tensor(known))
        result[name] = (torch.tensor(known)[found] == labels)[asked].float().mean().item()
    return {name: round(value, 4) for name, value in result.items()}


def main() -> None:
    """Train, then measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--judge", action="store_true", help="the judge: other seed, size and order of pictures")
    parser.add_argument("--freeze-text", action="store_true", help="train on the picture tower alone")
    judge = "--judge" in sys.argv
    defaults = {"budget_s": 840.0, "lr": 2e-3, "batch": 64, "optimizer": "muon", "ema": 0.99, "seed": 7 if judge else 0}
    plan, options = parse_plan(parser, "judge" if judge else "clip", **defaults)
    torch.set_num_threads(plan.threads)
    train(plan, options)


def train(plan: Plan, options: argparse.Namespace) -> None:
    """Train and write `facts.json` beside the state."""
    sizes = JUDGE if options.judge else OWN
    Trainer(ClipTask(Pictures.open("train"), sizes, plan.batch, options.freeze_text), plan).run()
    facts = measure(load_ema(build(sizes), plan.folder, "clip"), Pictures.open("holdout"))
    (plan.folder / "facts.json").write_text(json.dumps(facts, indent=1))
    print(facts, flush=True)


if __name__ == "__main__":
    main()
