"""A language model on this machine."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from staytrue.errors import BackboneError, ConfigError
from staytrue.registry import component
from staytrue.regularize.new_words.writer import Turn


@component
class Local:
    """Asks a transformers causal language model in a local folder, through its chat template where it has one.

    Known to fail: small models repeat themselves; what is left after cleaning is then short of the paper's sizes, which
    `staytrue words` says.

    Attributes:
        path: folder of the model with its tokenizer; nothing is downloaded.
        max_new_tokens: longest answer.
        temperature: of the sampling; 0 is greedy, and then asking for more gives the same.
        seed: of the sampling.
    """

    name: Literal["local"] = "local"
    path: Path | None = None
    max_new_tokens: int = Field(default=2048, ge=1)
    temperature: float = Field(default=1.0, ge=0)
    seed: int = 0

    def ready(self) -> None:
        """Raises ``ConfigError`` where the folder is no model's."""
        if self.path is None or not (self.path / "config.json").is_file():
            raise ConfigError(
                f"words.writer.path={self.path} is not the folder of a language model (it has no config.json); name one that"
                " holds its weights and tokenizer"
            )

    def answer(self, turns: list[Turn]) -> str:
        """The next turn, the same for the same turns and seed."""
        import torch

        self.ready()
        write = _writer(str(self.path))
        asked: Any = turns
        begun = "" if write.tokenizer.chat_template else "1."
        if begun:
            asked = "\n\n".join([*(turn["content"] for turn in turns), begun])
        sampling = {"do_sample": True, "temperature": self.temperature} if self.temperature else {"do_sample": False}
        with torch.random.fork_rng():
            torch.manual_seed(self.seed + len(turns))
            [made] = write(asked, return_full_text=False, max_new_tokens=self.max_new_tokens, **sampling)
        return begun + str(made["generated_text"])


@lru_cache(maxsize=1)
def _writer(path: str) -> Any:
    from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

    try:
        model = AutoModelForCausalLM.from_pretrained(path, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise BackboneError(f"words.writer.path={path}: no language model could be loaded ({error})") from error
    return pipeline("text-generation", model=model, tokenizer=tokenizer)
