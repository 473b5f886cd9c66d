"""Finding a Stable Diffusion checkpoint and stating its facts, without loading a weight or importing torch."""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from staytrue.errors import BackboneError
from staytrue.types import Facts

if TYPE_CHECKING:
    from staytrue.backbones.sd import SD

PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
SMALL_FILES = ("model_index.json", "facts.json", *(f"{part}/*.{kind}" for part in PARTS for kind in ("json", "txt")))
WEIGHTS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}
# weights.fp16.safetensors, weights.fp16-00001-of-00002.safetensors, weights-00001-of-00002.fp16.safetensors
VARIANT = re.compile(r"\.([A-Za-z]\w*)(?:-\d{5}-of-\d{5})?\.safetensors$")
CROSS_ATTENTION = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
FIRST_CONVOLUTION = "model.diffusion_model.input_blocks.0.0.weight"
SHIPPED = {768: "sd1", 1024: "sd2"}


@dataclass(frozen=True)
class SDFiles:
    """A checkpoint's files on this machine.

    Attributes:
        folder: the diffusers folder, or, for a single file, the folder of its configuration files.
        single: the single .safetensors file, or None.
        backbone: the component that asked.
    """

    folder: Path
    single: Path | None
    backbone: SD

    def config(self, part: str) -> dict[str, Any]:
        """The configuration of "unet", "vae", "text_encoder" or "scheduler"."""
        name = "scheduler_config.json" if part == "scheduler" else "config.json"
        return _json(self.folder / part / name)

    def scheduler_config(self) -> dict[str, Any]:
        """The scheduler's configuration, with the prediction type that holds."""
        return self.config("scheduler") | {"prediction_type": self.prediction()}

    def prediction(self) -> str:
        """What the network predicts: as the component says, else the file's metadata, else the scheduler's configuration."""
        if self.backbone.prediction != "auto":
            return self.backbone.prediction
        said = _header(self.single)[1].get("modelspec.prediction_type") if self.single else None
        if said in ("epsilon", "v", "v_prediction"):
            return "v_prediction" if said.startswith("v") else said
        return str(self.config("scheduler").get("prediction_type", "epsilon"))

    def with_weights(self) -> Path:
        """The diffusers folder, complete: of a hub id the weights that are read are fetched, and nothing else.

        Raises:
            BackboneError: a part has no safetensors, or they cannot be fetched.
        """
        path, variant = self.backbone.path, self.backbone.variant
        read = {part: weight_files(part, variant) for part in WEIGHTS}
        folder = self.folder
        if path != "miniature" and not Path(path).expanduser().is_dir():
            folder = Path(download(self.backbone, (*SMALL_FILES, *(p for patterns in read.values() for p in patterns))))
        for part, patterns in read.items():
            if not any(any(folder.glob(pattern)) for pattern in (*patterns, *weight_files(part, None))):
                _advise_variant(path, folder, part, variant)
                # of a hub id only files of the names asked for are here
                hint = (
                    ""
                    if folder == self.folder
                    else "where its files are *.fp16.safetensors, set backbone.variant=fp16, or "
                )
                instead = "set backbone.variant=null, " if variant else hint
                raise BackboneError(
                    f"{path} has no {patterns[0]}; only safetensors are read, since other weight files can run code when"
                    f" loaded: {instead}name another copy of the checkpoint, or"
                    " convert it in an environment that trusts it (diffusers' from_pretrained, then save_pretrained, writes"
                    " safetensors) and name that folder"
                )
        return folder

    def own_facts(self) -> dict[str, Any]:
        """The checkpoint's ``facts.json``: title, vocabulary and word pools; empty for ordinary checkpoints."""
        file = self.folder / "facts.json"
        return _json(file) if file.is_file() and not self.single else {}

    def facts(self) -> Facts:
        """What the checkpoint is."""
        unet, vae, own = self.config("unet"), self.config("vae"), self.own_facts()
        side = _side(unet)
        factor = 2 ** (len(vae.get("block_out_channels") or vae["encoder_block_out_channels"]) - 1)
        words = own.get("words", {})
        vocabulary = own.get("vocabulary")
        prediction = self.prediction()
        if prediction not in ("epsilon", "v_prediction"):
            raise BackboneError(f"{self.backbone.path} predicts {prediction!r}; only epsilon and v_prediction are read")
        return Facts(
            family="sd",
            title=own.get("title", self.backbone.path),
            resolution_px=side * factor,
            latent_shape=(unet["in_channels"], side, side),
            prediction=prediction,  # type: ignore[arg-type]
            is_miniature=bool(own.get("is_miniature", False)),
            vocabulary=frozenset(vocabulary) if vocabulary is not None else None,
            words=words,
        )


def _side(unet: dict[str, Any]) -> int:
    """Of its latents; 64 where diffusers before 0.9 wrote 32 for Stable Diffusion 1.x, which diffusers corrects when it loads."""
    version = [int(part) for part in re.findall(r"\d+", str(unet.get("_diffusers_version", "1")))[:2]]
    side: int = unet["sample_size"]
    return max(side, 64) if [] < version < [0, 9] else side


def locate(backbone: SD) -> SDFiles:
    """Finds the files behind ``backbone.path``; a hub id's small files are fetched, its weights are not.

    Raises:
        BackboneError: nothing is there, it cannot be read, or it is another kind of model.
    """
    path = Path(backbone.path).expanduser()
    if path.is_file():
        return _single_file(backbone, path)
    if backbone.path == "miniature":
        folder = Path(str(files("staytrue") / "assets" / "miniature"))
    elif path.is_dir():
        folder = path
    elif re.fullmatch(r"[\w.-]+/[\w.-]+", backbone.path) and path.suffix not in (".safetensors", ".ckpt"):
        folder = Path(download(backbone, SMALL_FILES))
    else:
        raise BackboneError(
            f"no checkpoint at {backbone.path!r}; name a diffusers folder, a .safetensors file, a hub id (owner/name),"
            ' or "miniature"'
        )
    _check_folder(backbone.path, folder)
    return SDFiles(folder, None, backbone)


def weight_files(part: str, variant: str | None) -> tuple[str, ...]:
    """Patterns of a part's safetensors: whole, or in shards, which diffusers has named in two ways."""
    stem, said, shard = f"{part}/{WEIGHTS[part]}", f".{variant}" if variant else "", "-?????-of-?????"
    tails = dict.fromkeys((said, f"{said}{shard}", f"{shard}{said}"))
    return tuple(f"{stem}{tail}.safetensors" for tail in tails)


def _advise_variant(path: str, folder: Path, part: str, variant: str | None) -> None:
    """Raises where the weights are there under another name."""
    found = {match[1] for file in (folder / part).glob("*.safetensors") if (match := VARIANT.search(file.name))}
    if found - {variant}:
        raise BackboneError(
            f"{path} has no {weight_files(part, variant)[0]}, but a variant of it: set backbone.variant={min(found)}"
        )


def download(backbone: SD, patterns: tuple[str, ...]) -> str:
    """The folder in the local cache with the files of a hub repository that match, downloaded if need be."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return snapshot_download(backbone.path, revision=backbone.revision, allow_patterns=list(patterns))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise BackboneError(
            f"no folder {backbone.path!r} here, and as a hub id it cannot be fetched ({type(error).__name__}:"
            f" {str(error).splitlines()[0]}); check the name and the network, log in with `hf auth login` if it is gated,"
            " or download it and name the folder"
        ) from error


def _check_folder(path: str, folder: Path) -> None:
    """Refuses what is no Stable Diffusion 1.x/2.x folder, saying what it is."""
    if not (folder / "model_index.json").is_file():
        raise BackboneError(f"{path}: {folder} is not a diffusers folder: it has no model_index.json")
    index = _json(folder / "model_index.json")
    kind = index.get("_class_name", "unknown")
    if kind != "StableDiffusionPipeline":
        raise BackboneError(
            f"{path} is a {kind}; the backbone `sd` reads StableDiffusionPipeline folders (SD 1.x, 2.x)"
        )
    missing = [part for part in PARTS if not (folder / part).is_dir()]
    if missing:
        raise BackboneError(f"{path}: {folder} lacks {', '.join(missing)}; copy or download the whole folder again")
    if _json(folder / "unet" / "config.json")["in_channels"] not in _latent_channels(folder):
        raise BackboneError(f"{path} takes more than latents as input (inpainting?); use a text-to-image checkpoint")


def _latent_channels(folder: Path) -> tuple[int, ...]:
    return (_json(folder / "vae" / "config.json")["latent_channels"],)


def _single_file(backbone: SD, path: Path) -> SDFiles:
    if path.suffix != ".safetensors":
        raise BackboneError(
            f"{path}: only .safetensors files are read; a {path.suffix or 'bare'} file can run code when loaded"
        )
    tensors, _ = _header(path)
    if CROSS_ATTENTION not in tensors:
        raise BackboneError(f"{path} is no whole Stable Diffusion 1.x/2.x checkpoint (a LoRA, a VAE, or SDXL?)")
    if tensors[FIRST_CONVOLUTION]["shape"][1] == 9:
        raise BackboneError(f"{path} is an inpainting checkpoint; use a text-to-image one")
    if backbone.config:
        _check_folder(backbone.config, Path(backbone.config))
        return SDFiles(Path(backbone.config), path, backbone)
    width = tensors[CROSS_ATTENTION]["shape"][1]
    if width not in SHIPPED:
        raise BackboneError(
            f"{path}: text states are {width} wide, neither SD 1.x (768) nor 2.x (1024); name its `config` folder"
        )
    shipped = SHIPPED[width]
    if shipped == "sd2" and _predicts(backbone, path) == "unknown":
        raise BackboneError(
            f"{path} is an SD 2.x file that does not say what it predicts; set backbone.prediction to"
            ' "epsilon" (the 512 px base models) or "v_prediction" (the 768 px ones)'
        )
    if shipped == "sd2":
        shipped = "sd2-v" if _predicts(backbone, path) == "v_prediction" else "sd2"
    return SDFiles(Path(str(files("staytrue") / "backbones" / "configs" / shipped)), path, backbone)


def _predicts(backbone: SD, path: Path) -> str:
    if backbone.prediction != "auto":
        return backbone.prediction
    said = str(_header(path)[1].get("modelspec.prediction_type", "unknown"))
    return "v_prediction" if said.startswith("v") else said


def _header(path: Path | None) -> tuple[dict[str, Any], dict[str, str]]:
    """Tensors (name -> shape, dtype) and metadata of a safetensors file: its first few kilobytes."""
    stamp = path.stat() if path else None
    return _read_header(path, stamp.st_mtime_ns, stamp.st_size) if path and stamp else ({}, {})


@cache
def _read_header(path: Path, mtime_ns: int, size: int) -> tuple[dict[str, Any], dict[str, str]]:  # noqa: ARG001
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(size, 100_000_000):
                raise ValueError("its header is longer than the file")
            header = json.loads(file.read(length))
        metadata = header.pop("__metadata__", {})
    except (OSError, ValueError, struct.error) as error:
        raise BackboneError(f"{path} is not a readable safetensors file ({error}); download it again") from error
    return header, metadata


def _json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BackboneError(f"cannot read {path} ({error}); copy or download the checkpoint again") from error
