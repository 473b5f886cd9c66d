"""The denoiser: a `UNet2DConditionModel` on cached latents, conditioned on the frozen text encoder's last states.

Besides by cross-attention, the caption enters every residual block through the time embedding (`addition_embed_type`
"text", which stock pipelines feed by themselves): the noun's shape is learned much sooner. v-prediction with Stable
Diffusion's betas; times are stratified within a batch, and both drawn and weighted towards those at which
shapes are decided.
"""

import argparse
from collections.abc import Callable

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from foundry.models import clip
from foundry.models.latents import Latents
from foundry.models.pictures import BalancedDraw
from foundry.models.tokenizer import LENGTH
from foundry.models.tokenizer import load as load_tokenizer
from foundry.models.training import Trainer, device, parse_plan
from foundry.world.nouns import nouns

WIDTHS = (48, 96, 160)
HEADS = 4
CAPTION_DROPOUT = 0.1
IDENTIFIER_CHANCE = 0.1
TIMES = 1000
# Shares of the draws. Designs in their own colors, told apart by noun, color, clothes and place, and seen from one side, show
# a small network shapes soonest (of two sides it draws the mean, a dog with a head at each end), the classes that subjects
# come from most of all; towards the end the whole world takes half of their room.
SIDE_FACTS = ("style", "degradation", "shape", "mood", "motion", "texture", "second", "mirrored")
SUBJECT_SHARE, CLEAR_SHARE = 0.4, 0.25
CLEAR_UNTIL, CLEAR_END = 0.6, 0.5
MIRRORED_KEPT = 3  # one in so many of the mirrored pictures is drawn at all
LATE_TIMES = 0.9
SNR_LIMIT = 5.0


def build(channels: int = 8, widths: tuple[int, ...] = WIDTHS) -> UNet2DConditionModel:
    """An untrained denoiser of 16 x 16 latents."""
    text_width = clip.OWN["text"][0]
    unet = UNet2DConditionModel(
        sample_size=16,
        in_channels=channels,
        out_channels=channels,
        block_out_channels=widths,
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=text_width,
        attention_head_dim=HEADS,
        norm_num_groups=16,
        addition_embed_type="text",
        addition_embed_type_num_heads=text_width // 32,
        encoder_hid_dim=None,
    )
    for name, weight in unet.named_parameters():
        # Branches that start silent: the usual start of diffusion models, which diffusers leaves out.
        if name.endswith(("conv2.weight", "proj_out.weight", "conv_out.weight")):
            nn.init.zeros_(weight)
    return unet.to(device(), memory_format=torch.channels_last)


def alphas_cumprod() -> Tensor:
    """Stable Diffusion's schedule ("scaled_linear")."""
    return (1 - torch.linspace(0.00085**0.5, 0.012**0.5, TIMES) ** 2).cumprod(0)


def draw_times(rows: int) -> Tensor:
    """One time from each of `rows` strata, denser where little is left of the picture, in random order."""
    u = (torch.randperm(rows) + torch.rand(rows)) / rows
    return (u**LATE_TIMES * TIMES).long().clamp(0, TIMES - 1)


def weights(alpha: Tensor) -> Tensor:
    """Soft min-SNR: v at low noise is mostly unpredictable noise, which would drown what shapes can be learned from."""
    snr = alpha / (1 - alpha)
    return 1 / (1 + snr / SNR_LIMIT)


def is_clear(row: dict) -> bool:
    """Whether a picture shows a design as it is, under nothing but color, clothes and place."""
    return row["design"].endswith("/plain") and not any(row.get(fact) for fact in SIDE_FACTS)


class UnetTask:
    """Predict v of noised latents.

    Attributes:
        modules: the denoiser.
    """

    def __init__(self, latents: Latents, batch: int, compiled: bool = False):
        self.latents, self.batch = latents, batch
        self.draw_any = self._drawn(
            [i for i, row in enumerate(latents.rows) if not row.get("mirrored") or i % MIRRORED_KEPT == 0]
        )
        clear = [i for i, row in enumerate(latents.rows) if is_clear(row)]
        self.draw_clear = self._drawn(clear)
        self.draw_subjects = self._drawn([i for i in clear if nouns()[latents.rows[i]["noun"]].subject])
        self.tokenizer = load_tokenizer()
        self.text = clip.load_text()
        self.alphas = alphas_cumprod().to(device())
        self.modules = nn.ModuleDict({"unet": build(latents.values.shape[1])})
        self.denoise = torch.compile(self.modules["unet"]) if compiled else self.modules["unet"]

    def _drawn(self, rows: list[int]) -> Callable[[int], Tensor]:
        """Draws of some rows, every noun equally often."""
        names = sorted({self.latents.rows[i]["noun"] for i in rows})
        labels = torch.tensor([names.index(self.latents.rows[i]["noun"]) for i in rows])
        chosen, draw = torch.tensor(rows), BalancedDraw(labels)
        return lambda count: chosen[draw(count)] if count else chosen[:0]

    def draw_rows(self, progress: float) -> Tensor:
        """One batch's rows."""
        room = CLEAR_END + (1 - CLEAR_END) * min(1.0, (1 - progress) / (1 - CLEAR_UNTIL))
        subjects, clear = (int(share * room * self.batch) for share in (SUBJECT_SHARE, CLEAR_SHARE))
        parts = (self.draw_subjects(subjects), self.draw_clear(clear), self.draw_any(self.batch - subjects - clear))
        return torch.cat(parts)

    def loss(self, progress: float) -> tuple[Tensor, dict[str, float]]:
        """Weighted mean squared error of v."""
        rows = self.draw_rows(progress)
        clean = self.latents.batch(rows)
        times = draw_times(self.batch).to(clean.device)
        noise = torch.randn(clean.shape).to(clean.device)
        alpha = self.alphas[times].view(-1, 1, 1, 1)
        noised = (alpha.sqrt() * clean + (1 - alpha).sqrt() * noise).contiguous(memory_format=torch.channels_last)
        target = alpha.sqrt() * noise - (1 - alpha).sqrt() * clean
        made = self.denoise(noised, times, self.states(rows)).sample
        error = (made.float() - target).square()
        return (weights(alpha) * error).mean(), {"v_loss": error.mean().item()}

    @torch.no_grad()
    def states(self, rows: Tensor) -> Tensor:
        """Last text states of the rows' captions, some dropped for guidance, some with an identifier."""
        captions = [clip.with_identifier(self.latents.rows[i], IDENTIFIER_CHANCE) for i in rows.tolist()]
        captions = ["" if torch.rand(()) < CAPTION_DROPOUT else caption for caption in captions]
        tokens = self.tokenizer(captions, padding="max_length", max_length=LENGTH, return_tensors="pt")
        return self.text(input_ids=tokens.input_ids.to(device())).last_hidden_state


def main() -> None:
    """Train until the budget is spent."""
    parser = argparse.ArgumentParser(description=__doc__)
    defaults = {"budget_s": 4200.0, "lr": 1e-3, "optimizer": "muon", "threads": 2, "warmup_steps": 200}
    parser.add_argument("--compiled", action="store_true", help="by torch.compile: a sixth faster, after a minute")
    plan, options = parse_plan(parser, "unet", **defaults)
    torch.set_num_threads(plan.threads)
    Trainer(UnetTask(Latents(), plan.batch, options.compiled), plan).run()


if __name__ == "__main__":
    main()
