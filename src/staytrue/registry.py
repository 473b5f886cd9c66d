"""Components and the registries that list them.

A component is its own config: a frozen, validated dataclass whose fields are its hyper-parameters, tagged by
``name: Literal["..."] = "..."``. An axis (purifiers, captioners, ...) is a folder with one ``Registry``: an explicit list
that a type checker and ``grep`` can see. From it the command line, the schema and the contract tests know every entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Annotated, Any, Generic, TypeVar, Union, dataclass_transform

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as pydantic_dataclass

from staytrue.errors import ConfigError

Component = TypeVar("Component")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def component(cls: type[Component]) -> type[Component]:
    """Makes a class a frozen, keyword-only, validated dataclass that refuses unknown fields."""
    return pydantic_dataclass(cls, frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))  # type: ignore[return-value]


class Registry(Generic[Component]):
    """The components of one axis, by name, in the order they are listed.

    Args:
        axis: the plural a user types after ``staytrue list``, such as "captioners".
        components: the classes, each tagged with ``name``.
    """

    def __init__(self, axis: str, *components: type[Component]) -> None:
        self.axis = axis
        self._components = {name_of(c): c for c in components}
        if len(self._components) != len(components):
            raise ValueError(f"two {axis} share a name: {[name_of(c) for c in components]}")

    def __iter__(self) -> Iterator[type[Component]]:
        return iter(self._components.values())

    def names(self) -> list[str]:
        """The names, in the order of the list."""
        return list(self._components)

    def get(self, name: str) -> type[Component]:
        """The component of that name. Raises ``ConfigError`` with the allowed names."""
        if name not in self._components:
            raise ConfigError(f"no {self.axis} named {name!r}; there are: {', '.join(self.names())}")
        return self._components[name]

    def union(self) -> Any:
        """The tagged union of the axis, for a field of a config."""
        members = tuple(self._components.values())
        return Annotated[Union[members], Field(discriminator="name")] if len(members) > 1 else members[0]  # noqa: UP007


def name_of(component_class: type) -> str:
    """The tag of a component class. Raises ``TypeError`` where there is none."""
    for field in fields(component_class):
        if field.name == "name" and field.default is not MISSING:
            # pydantic keeps a FieldInfo in place of a plain default when Field() was used
            return str(getattr(field.default, "default", field.default))
    raise TypeError(f'{component_class.__name__} needs a field `name: Literal["..."] = "..."`')
