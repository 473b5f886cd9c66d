"""Stable Diffusion in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMScheduler, StableDiffusionPipeline
from jaxtyping import Float, Int
from torch import Tensor, nn

from staytrue.backbones.quiet import quiet
from staytrue.backbones.schedulers import scheduler
from staytrue.backbones.sd_files import SDFiles
from staytrue.backbones.sd_text import at_places, end_places, other_vectors, without_positions
from staytrue.backbones.sd_tokenizer import add_older_files, with_tokenizer
from staytrue.diffusion.ddpm import DDPM
from staytrue.diffusion.noised import Noised
from staytrue.errors import BackboneError
from staytrue.runs import write_json
from staytrue.types import Facts, Pooling


@dataclass(eq=False)
class LoadedSD:
    """A Stable Diffusion model, as every backbone looks.

    Attributes:
        facts: what it is.
        unet: the denoiser.
        text_encoder: CLIP's text side.
        tokenizer: of the text encoder.
        vae: ``AutoencoderKL``, or ``AutoencoderTiny``, which has no spread.
        scheduler_config: of the noise schedule it was trained with.
        own_facts: content of its facts.json, carried into what is saved.
        base: copies of untrained modules by name, where an adapter keeps them.
    """

    facts: Facts
    unet: Any
    text_encoder: Any
    tokenizer: Any
    vae: Any
    scheduler_config: dict[str, Any]
    own_facts: dict[str, Any] = field(default_factory=dict)
    base: dict[str, nn.Module] = field(default_factory=dict)

    def __post_init__(self) -> None:
        alphas = DDPMScheduler.from_config(self.scheduler_config).alphas_cumprod
        self.process = DDPM(alphas.to(self.device, torch.float32), self.facts.prediction)  # type: ignore[arg-type]

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.unet.device

    @property
    def dtype(self) -> torch.dtype:
        """Of the denoiser's weights."""
        return self.unet.dtype

    def encode(
        self, images_pm1: Float[Tensor, "rows 3 height width"]
    ) -> tuple[Float[Tensor, "rows channels h w"], Float[Tensor, "rows channels h w"]]:
        """Mean and standard deviation of scaled latents, float32 and contiguous; differentiable in the pictures.

        The autoencoder is frozen, so nothing is recorded unless the pictures themselves ask for a gradient.
        The autoencoder's own memory order (channels last) would send what follows down other kernels than the same numbers
        read from a file, and a resumed training would differ in the last bit.
        """
        encoded = self.vae.encode(images_pm1.to(self.vae.device, self.vae.dtype))
        if not hasattr(encoded, "latent_dist"):
            return self._scaled(encoded.latents), torch.zeros(encoded.latents.shape, device=encoded.latents.device)
        posterior = encoded.latent_dist
        return self._scaled(posterior.mean), (posterior.std.float() * self.vae.config.scaling_factor).contiguous()

    def decode(self, latents: Float[Tensor, "rows channels h w"]) -> Float[Tensor, "rows 3 height width"]:
        """Pictures in about [-1, 1]; differentiable in the latents."""
        raw = latents / self.vae.config.scaling_factor + self._shift()
        return self.vae.decode(raw.to(self.vae.device, self.vae.dtype)).sample

    def encode_text(self, texts: Sequence[str]) -> Float[Tensor, "rows tokens width"]:
        """The last layer's token states, after its norm, padded to the model's length: what Stable Diffusion conditions on."""
        return self.encode_tokens(self.tokens(texts))

    def pooled_text(
        self, texts: Sequence[str], pooling: Pooling = "eos", identifiers: Sequence[str] = ()
    ) -> Float[Tensor, "rows width"]:
        """The state at the end of the text, or where ClassDiffusion's code looks; see ``LoadedBackbone``."""
        ids = self.tokens(texts)
        if pooling == "eos":
            return at_places(self.encode_tokens(ids), end_places(ids, self.tokenizer.eos_token_id))
        rare = [token for name in identifiers for token in self.tokenizer(name, add_special_tokens=False).input_ids]
        with without_positions(self.text_encoder, ids, rare):
            return at_places(self.encode_tokens(ids), ids.argmax(dim=1))

    def tokens(self, texts: Sequence[str]) -> Int[Tensor, "rows tokens"]:
        """Ids, padded to the model's length."""
        length = self.tokenizer.model_max_length
        tokens = self.tokenizer(
            list(texts), padding="max_length", max_length=length, truncation=True, return_tensors="pt"
        )
        return tokens.input_ids.to(self.device)

    def encode_tokens(
        self, ids: Int[Tensor, "rows tokens"], vectors: Mapping[int, Tensor] | None = None
    ) -> Float[Tensor, "rows tokens width"]:
        """Token states of ids."""
        with other_vectors(self.text_encoder, vectors or {}):
            return self.text_encoder(ids).last_hidden_state

    def token_vectors(self, ids: Int[Tensor, " tokens"]) -> Float[Tensor, "tokens width"]:
        """Rows of the embedding, a trained token row among them."""
        return self.text_encoder.get_input_embeddings()(ids[None])[0]

    def predict(
        self, noised: Noised, condition: Float[Tensor, "rows tokens width"]
    ) -> Float[Tensor, "rows channels h w"]:
        """The UNet's output."""
        x_t, condition = noised.x_t.to(self.dtype), condition.to(self.dtype)
        return self.unet(x_t, noised.t, encoder_hidden_states=condition, return_dict=False)[0]

    def trainable_modules(self) -> dict[str, nn.Module]:
        """What an adapter may touch."""
        return {"denoiser": self.unet, "text_encoder": self.text_encoder}

    def pipeline(self, solver: str = "ddim") -> StableDiffusionPipeline:
        """A stock pipeline that shares these modules; ``solver`` is a key of ``SCHEDULERS``."""
        return StableDiffusionPipeline(
            vae=self.vae,
            text_encoder=self.text_encoder,
            tokenizer=self.tokenizer,
            unet=self.unet,
            scheduler=scheduler(solver, self.scheduler_config),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )

    def save(self, folder: Path) -> None:
        """Writes a whole diffusers folder, for transformers 4 and 5; what the checkpoint knows of itself goes with it.

        The text encoder's weights are named as published, with ``text_model`` before each, which is how converters and other
        programs know them. transformers writes so by itself only what it read so, and a single file's it did not.
        """
        prefix = "" if hasattr(self.text_encoder, "text_model") else "text_model."
        named = {f"{prefix}{name}": tensor for name, tensor in self.text_encoder.state_dict().items()}
        with quiet():
            self.pipeline().save_pretrained(folder)
            self.text_encoder.save_pretrained(Path(folder) / "text_encoder", state_dict=named)
        add_older_files(Path(folder) / "tokenizer")
        if self.own_facts:
            write_json(Path(folder) / "facts.json", self.own_facts)

    def _scaled(self, raw: Tensor) -> Tensor:
        return ((raw.float() - self._shift()) * self.vae.config.scaling_factor).contiguous()

    def _shift(self) -> float:
        return getattr(self.vae.config, "shift_factor", None) or 0.0


def load(files: SDFiles, device: str, dtype: torch.dtype | None) -> LoadedSD:
    """Loads what was located, frozen and in evaluation mode.

    Raises:
        BackboneError: the weights cannot be read.
    """
    facts, asked, dtype = files.facts(), files.backbone, dtype or torch.float32
    try:
        pipeline = _from_single_file(files, dtype) if files.single else _from_folder(files, dtype)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise BackboneError(f"the weights of {asked.path} cannot be read: {reason[0]}") from error
    for module in (pipeline.unet, pipeline.text_encoder, pipeline.vae):
        module.requires_grad_(False).eval().to(device)
    parts = {name: getattr(pipeline, name) for name in ("unet", "text_encoder", "tokenizer", "vae")}
    return LoadedSD(facts, **parts, scheduler_config=files.scheduler_config(), own_facts=files.own_facts())


def _from_folder(files: SDFiles, dtype: torch.dtype) -> StableDiffusionPipeline:
    return StableDiffusionPipeline.from_pretrained(
        files.with_weights(),
        variant=files.backbone.variant,
        use_safetensors=True,
        safety_checker=None,
        feature_extractor=None,
        dtype=dtype,
    )


def _from_single_file(files: SDFiles, dtype: torch.dtype) -> StableDiffusionPipeline:
    with with_tokenizer(files.folder) as config:
        return StableDiffusionPipeline.from_single_file(
            str(files.single),
            config=str(config),
            local_files_only=True,
            safety_checker=None,
            feature_extractor=None,
            dtype=dtype,
        )
