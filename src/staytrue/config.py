"""The whole configuration of a run: what it reads, and one section of components per stage. The only thing serialized.

Three ways in (a recipe, a TOML file, ``section.field=value``), one way through: all are layered as plain values and
checked once, strictly, by ``parse``. An error names the dotted path and what is allowed there; all problems come at once.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from staytrue.backbones import BACKBONES
from staytrue.caption import CAPTIONERS
from staytrue.errors import ConfigError
from staytrue.evaluate.config import Evaluate
from staytrue.generate.config import Generate
from staytrue.purify import PURIFIERS
from staytrue.purify.inspection.config import Inspect
from staytrue.regularize import PRIOR_SETS
from staytrue.train.config import Train
from staytrue.types import Subject

Values = dict[str, Any]
Model = TypeVar("Model", bound=BaseModel)


class RunConfig(BaseModel):
    """What a run is made of.

    Attributes:
        subjects: what is personalized; at least one by the time a run starts.
        backbone: the model that is trained.
        seed: every random number of the run derives from it.
        inspect: what is looked at in the photos first, and what happens when one is flagged.
        purify: how the photos are cleaned.
        caption: how each photo gets its words.
        regularize: the set of class images trained on beside the photos.
        train: adapter, objectives and schedule.
        generate: prompts and sampling.
        evaluate: metrics and judges.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    subjects: tuple[Subject, ...] = ()
    backbone: BACKBONES.union() = Field(default_factory=BACKBONES.get("sd"))  # type: ignore[valid-type]
    seed: int = 0
    inspect: Inspect = Field(default_factory=Inspect)
    purify: PURIFIERS.union() = Field(default_factory=PURIFIERS.get("none"))  # type: ignore[valid-type]
    caption: CAPTIONERS.union() = Field(default_factory=CAPTIONERS.get("template"))  # type: ignore[valid-type]
    regularize: PRIOR_SETS.union() = Field(default_factory=PRIOR_SETS.get("none"))  # type: ignore[valid-type]
    train: Train = Field(default_factory=Train)
    generate: Generate = Field(default_factory=Generate)
    evaluate: Evaluate = Field(default_factory=Evaluate)

    def prior_set(self) -> Any:
        """``regularize``; where it asks for the evaluation's prompts, with those that ``generate`` lists."""
        asked = getattr(self.regularize, "evaluation_prompts", False) is True and self.generate.prompts is not None
        return replace(self.regularize, evaluation_prompts=self.generate.prompts) if asked else self.regularize

    def training(self) -> Train:
        """``train``; previews, and checkpoints where it selects, are asked for pictures as ``generate`` will ask."""
        asked = self.generate.suffix, self.generate.sampling
        previews, select = (
            self.train.previews.asked_as(*asked),
            self.train.select and self.train.select.asked_as(*asked),
        )
        return replace(self.train, previews=previews, select=select)


def values_of(config: RunConfig) -> Values:
    """The configuration as plain JSON-like values."""
    return config.model_dump(mode="json")


def to_toml(config: RunConfig) -> str:
    """The configuration as TOML that ``load_toml`` reads back. TOML has no null: a field that is None is left out."""
    return tomli_w.dumps(_without_none(values_of(config)))


def load_toml(path: Path) -> Values:
    """The values of a TOML file, unchecked: layer them over a recipe and ``parse``."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no config file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path} as a TOML file in UTF-8: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None


def layered(below: Values, above: Values) -> Values:
    """``below`` with the values of ``above`` on top; a component that changes its ``name`` starts from its own defaults.

    A subject's ``name`` chooses nothing: it keeps what it had.
    """
    if above.get("name", below.get("name")) != below.get("name") and "class_noun" not in below:
        return above
    merged = dict(below)
    for key, value in above.items():
        both_tables = isinstance(value, dict) and isinstance(below.get(key), dict)
        merged[key] = layered(below[key], value) if both_tables else value
    return merged


def overridden(values: Values, assignments: Iterable[str]) -> Values:
    """Applies ``section.field=value`` assignments; those that choose a component (``....name=``) come first, from outside in.

    A value is read as TOML (``400``, ``true``, ``["a", "b"]``), ``null`` as None, and anything else as text.
    """
    pairs = [_assignment(text) for text in assignments]
    for keys, value in sorted(pairs, key=_names_first):
        values = _replaced(values, keys, value)
    return values


def _names_first(pair: tuple[list[str], Any]) -> tuple[bool, int]:
    """All others stay in the order they were given in: the last counts."""
    named = pair[0][-1] == "name"
    return not named, len(pair[0]) if named else 0


def named_backbone(values: Values, assignments: Iterable[str]) -> Any:
    """The backbone that values and assignments name, whole: a recipe depends on it, so it must be known before the recipe is.

    Raises ``ConfigError`` for what they have wrong in that section.
    """
    section = {key: value for key, value in values.items() if key == "backbone"}
    mine = [text for text in assignments if text.partition("=")[0].strip().startswith("backbone.")]
    return parse(overridden(layered({"backbone": values_of(RunConfig())["backbone"]}, section), mine)).backbone


def overlaid(config: RunConfig, above: Values) -> RunConfig:
    """The configuration with some values on top: how one recipe is derived from another."""
    return parse(layered(values_of(config), above))


def parse(values: Values) -> RunConfig:
    """Checks values and makes the configuration. Raises ``ConfigError`` listing every problem by dotted path."""
    return parse_as(RunConfig, values)


def parse_as(model: type[Model], values: Values) -> Model:
    """``parse`` for the settings of a verb that is no run, such as ``staytrue protect``. A date of TOML is text, as in JSON."""
    written = json.dumps(values, default=str, ensure_ascii=False)
    try:
        return model.model_validate_json(written.encode(), strict=True)
    except UnicodeEncodeError as error:  # a file's name from a disk of another time
        said = written[: error.start].rpartition('"')[2] + written[error.start :].partition('"')[0]
        raise ConfigError(f"{said!r} is not text in UTF-8; rename that file or folder") from None
    except ValidationError as error:
        schema = model.model_json_schema()
        raise ConfigError("\n".join(dict.fromkeys(_explain(problem, schema) for problem in error.errors()))) from None


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    return [_without_none(v) for v in value] if isinstance(value, list) else value


def _assignment(text: str) -> tuple[list[str], Any]:
    path, equals, written = text.partition("=")
    if not equals or not path.strip():
        raise ConfigError(f"{text!r} is not of the form section.field=value")
    if written == "null":
        return path.strip().split("."), None
    try:
        return path.strip().split("."), tomllib.loads(f"value = {written}")["value"]
    except tomllib.TOMLDecodeError:
        return path.strip().split("."), written


def _replaced(values: Any, keys: list[str], value: Any) -> Any:
    """A copy of nested tables and lists with one value replaced."""
    first, *rest = keys
    if isinstance(values, list) and first.isdigit() and int(first) < len(values):
        return [_replaced(v, rest, value) if i == int(first) and rest else v for i, v in enumerate(values)]
    table = values if isinstance(values, dict) else {}
    return layered(table, {first: _replaced(table.get(first), rest, value) if rest else value})


def _explain(problem: Any, root: Values) -> str:
    """One pydantic problem in words: dotted path, what is wrong, what is allowed."""
    path, schema = _locate(problem["loc"], root)
    kind, given = problem["type"], problem["input"]
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        allowed = _locate(problem["loc"][:-1], root)[1].get("properties", {})
        return f"{path}: no such setting; there are: {', '.join(allowed)}"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        allowed = schema.get("discriminator", {}).get("mapping", {})
        name = given.get("name") if isinstance(given, dict) else given
        return f"{path}.name: no {name!r}; there are: {', '.join(allowed)}"
    if kind in ("dict_type", "dataclass_type"):
        return f"{path}: holds settings, got {given!r}; {_settings_in(path, schema, given)}"
    such = f", such as {schema['examples'][0]!r}" if "examples" in schema else ""
    told = f"{path}: {problem['msg'].removeprefix('Value error, ')}{such}"
    return told if isinstance(given, dict) and kind == "value_error" else f"{told}, got {given!r}"


def _settings_in(path: str, schema: Values, given: Any) -> str:
    """Where a table was given a value: how its settings are written. A component's own name is what people try."""
    names = schema.get("discriminator", {}).get("mapping", {})
    if isinstance(given, str) and given in names:
        return f"write {path}.name={given}"
    if names:
        return f"choose one, such as {path}.name={min(names)}; there are: {', '.join(names)}"
    return f"there are: {', '.join(f'{path}.{name}' for name in schema.get('properties', {})) or f'{path}.NAME.field'}"


def _locate(location: tuple[Any, ...], root: Values) -> tuple[str, Values]:
    """Dotted path and JSON schema at a pydantic location, which also holds the tags of unions on the way."""
    schema, path = root, []
    for part in location:
        schema = _resolved(schema, root)
        tagged = schema.get("discriminator", {}).get("mapping", {})
        if part in tagged:
            schema = {"$ref": tagged[part]}
            continue
        path.append(str(part))
        table = schema.get("properties", {}).get(part, schema.get("additionalProperties", {}))
        schema = schema.get("items", {}) if isinstance(part, int) else table
        schema = schema if isinstance(schema, dict) else {}
    return ".".join(path), _resolved(schema, root)


def _resolved(schema: Values, root: Values) -> Values:
    """The schema behind a ``$ref``, or the one branch of an optional."""
    branches = [branch for branch in schema.get("anyOf", []) if branch.get("type") != "null"]
    if len(branches) == 1:
        schema = branches[0]
    return root["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
