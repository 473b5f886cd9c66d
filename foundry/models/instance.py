"""The instance judge, in DINO's role: a `ViTModel` whose class token tells one individual from its likes.

Supervised contrast over the world's instances, each seen in several scenes. A batch holds few designs and several
individuals of each, so that markings and colors, not the kind of thing or the scene, are what must be read.
"""

import argparse
import json

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import ViTConfig, ViTModel

from foundry.models.local_start import start_local
from foundry.models.pictures import Pictures
from foundry.models.training import RUNS, Plan, Trainer, device, load_ema, parse_plan

WIDTH, LAYERS = 160, 4
TEMPERATURE = 0.08
LIKES = 4
HELD_OUT = 0.05


def build() -> ViTModel:
    """An untrained encoder of 64 px pictures in patches of 8."""
    config = ViTConfig(
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=WIDTH // 32,
        intermediate_size=3 * WIDTH,
        image_size=64,
        patch_size=8,
    )
    vit = ViTModel(config, add_pooling_layer=False)
    heads = [(layer.attention.q_proj, layer.attention.k_proj) for layer in vit.layers]
    start_local(vit.embeddings.patch_embeddings.projection, vit.embeddings.position_embeddings.data[0], heads)
    return vit.to(device())


class InstanceTask:
    """Pull views of one individual together, push its likes away.

    Attributes:
        modules: the encoder and a passing projection.
    """

    def __init__(self, pictures: Pictures, batch: int):
        self.pictures, self.batch = pictures, batch
        self.views, self.groups = group(pictures)
        self.vit = build()
        self.modules = nn.ModuleDict({"vit": self.vit})

    def loss(self, progress: float) -> tuple[Tensor, dict[str, float]]:
        """Supervised contrast (Khosla et al., 2020) with one positive a row."""
        individuals = self.draw(self.batch // 2)
        pairs = [self.views[i][torch.randperm(len(self.views[i]))[:2]] for i in individuals]
        rows = torch.stack(pairs).T.flatten()
        embedding = embed(self.vit, jitter(self.pictures.batch(rows)))
        scores = embedding @ embedding.T / TEMPERATURE
        scores.fill_diagonal_(-1e4)
        half = len(individuals)
        truth = torch.cat([torch.arange(half, 2 * half), torch.arange(half)]).to(scores.device)
        hits = (scores.argmax(1) == truth).float().mean().item()
        return F.cross_entropy(scores, truth), {"in_batch": hits}

    def draw(self, count: int) -> list[int]:
        """Individuals, some of each of a few designs or nouns."""
        chosen: list[int] = []
        while len(chosen) < count:
            members = self.groups[torch.randint(len(self.groups), ())]
            chosen += [members[i] for i in torch.randperm(len(members))[:LIKES].tolist() if members[i] not in chosen]
        return chosen[:count]


def group(pictures: Pictures) -> tuple[list[Tensor], list[list[int]]]:
    """Rows of each individual, and individuals of each design."""
    labels, names = pictures.classes("instance")
    order = labels.argsort(stable=True)
    views = list(order.split(labels.bincount(minlength=len(names)).tolist()))
    designs: dict[str, list[int]] = {}
    for individual, rows in enumerate(views):
        row = pictures.rows[int(rows[0])]
        designs.setdefault(row["design"].split("/")[0], []).append(individual)
    return views, [members for members in designs.values() if len(members) > 1]


def jitter(pixels: Tensor) -> Tensor:
    """Light of another scene: gain and offset of each picture, a little of each channel."""
    rows = len(pixels)
    gain = 1 + 0.15 * torch.randn(rows, 1, 1, 1) + 0.05 * torch.randn(rows, 3, 1, 1)
    offset = 0.1 * torch.randn(rows, 1, 1, 1)
    return (pixels * gain.to(pixels) + offset.to(pixels)).clamp(-1, 1)


def embed(vit: ViTModel, pixels: Tensor) -> Tensor:
    """Unit class tokens."""
    return F.normalize(vit(pixel_values=pixels).last_hidden_state[:, 0], dim=-1)


def load() -> ViTModel:
    """The trained judge, frozen."""
    return load_ema(build(), RUNS / "instance", "vit")


def split(pictures: Pictures) -> tuple[Pictures, Pictures]:
    """Training pictures, and the last individuals for measuring; views of one lie together."""
    cut = int(len(pictures) * (1 - HELD_OUT)) // 4 * 4
    return (
        Pictures(pictures.pixels[:cut], pictures.rows[:cut]),
        Pictures(pictures.pixels[cut:], pictures.rows[cut:]),
    )


@torch.inference_mode()
def retrieval(vit: ViTModel, pictures: Pictures, field: str = "noun") -> float:
    """Share of pictures whose nearest other picture of the same class shows the same individual."""
    embeddings = torch.cat([embed(vit, pictures.batch(i)) for i in torch.arange(len(pictures)).split(100)])
    individual, _ = pictures.classes("instance")
    kind, _ = pictures.classes(field)
    scores = (embeddings @ embeddings.T).cpu().fill_diagonal_(-2)
    scores[kind[:, None] != kind] = -1.5
    rivals = (kind[:, None] == kind) & (individual[:, None] != individual)
    return (individual[scores.argmax(1)] == individual)[rivals.any(1)].float().mean().item()


def main() -> None:
    """Train, then measure on individuals never trained on."""
    parser = argparse.ArgumentParser(description=__doc__)
    defaults = {"budget_s": 720.0, "lr": 2e-3, "batch": 64, "optimizer": "muon", "ema": 0.99, "seed": 11}
    plan, _ = parse_plan(parser, "instance", **defaults)
    torch.set_num_threads(plan.threads)
    train(plan)


def train(plan: Plan) -> None:
    """Train and write `facts.json` beside the state."""
    known, unseen = split(Pictures.open("instances"))
    Trainer(InstanceTask(known, plan.batch), plan).run()
    facts = {"retrieval_same_noun": retrieval(load_ema(build(), plan.folder, "vit"), unseen)}
    (plan.folder / "facts.json").write_text(json.dumps(facts, indent=1))
    print(facts, flush=True)


if __name__ == "__main__":
    main()
