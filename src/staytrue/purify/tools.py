"""What purifiers with weights, and the inspection, may use: the run's backbone and whatever else is loaded, each once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from staytrue.errors import ConfigError
from staytrue.grammar import with_article
from staytrue.types import Facts

if TYPE_CHECKING:
    from staytrue.backbones.base import Backbone, LoadedBackbone


@dataclass(frozen=True, eq=False)
class Tools:
    """The workbench of one call of the stage.

    Attributes:
        spec: the backbone of the run, not loaded; None where a purifier is used on its own.
        device: to compute on.
        seed: of the run.
        class_noun: what the photos show.
        memory: what has been loaded, by name. Subjects of a run share it.
        section: of the settings that the purifier is of, for messages.
    """

    spec: Backbone | None = None
    device: str = "cpu"
    seed: int = 0
    class_noun: str = "object"
    memory: dict[Any, Any] = field(default_factory=dict)
    section: str = "purify"

    def of(self, class_noun: str) -> Tools:
        """The same tools for photos of another class."""
        return replace(self, class_noun=class_noun)

    def below(self, field: str) -> Tools:
        """The same tools for a purifier that is a setting of this one."""
        return replace(self, section=f"{self.section}.{field}")

    def once(self, key: Any, load: Callable[[], Any]) -> Any:
        """What ``load`` returned the first time it was asked for under this key."""
        if key not in self.memory:
            self.memory[key] = load()
        return self.memory[key]

    @property
    def facts(self) -> Facts | None:
        """Of the backbone, known without its weights."""
        return self.spec.facts() if self.spec else None

    def identity(self) -> str:
        """Tells the backbone's weights from others; empty without one."""
        from staytrue.backbones.identity import backbone_identity

        return self.once("identity", lambda: backbone_identity(self.spec) if self.spec else "")

    def backbone(self) -> LoadedBackbone:
        """The backbone with its weights.

        Raises:
            ConfigError: these tools were made without one.
        """
        if self.spec is None:
            raise ConfigError("this purifier uses the backbone, and none was given: Tools(spec=SD(path=...))")
        return self.once("backbone", lambda: self.spec.load(self.device))  # type: ignore[union-attr]

    def prompt(self, template: str) -> str:
        """The template with ``{}`` replaced by "a dog"; an empty template stays empty."""
        return template.replace("{}", with_article(self.class_noun))
