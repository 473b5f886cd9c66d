"""The command line: verbs, and ``section.field=value`` for everything a verb has no flag for.

Every import beyond typer is inside a command, so that ``staytrue --help`` answers at once.
"""

from __future__ import annotations

import errno
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from staytrue.bench.commands import bench_app
from staytrue.errors import ConfigError, StaytrueError

if TYPE_CHECKING:
    from staytrue.config import RunConfig, Values
    from staytrue.registry import Registry
    from staytrue.types import Facts

app = typer.Typer(
    name="staytrue",
    help="Personalize a text-to-image diffusion model from a few photos, true to the subject and to the words.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Any setting: section.field=value, such as train.steps=800. `staytrue show staytrue` prints them all.",
)

VERBS = {
    "purify": "Clean the photos of a run.",
    "caption": "Give each photo its words.",
    "regularize": "Draw the set of class images.",
    "train": "Train the model, or go on where it stopped.",
    "generate": "Draw the prompts with the trained model.",
    "evaluate": "Score the pictures and write the report.",
}
REAL_CHECKPOINT = "stable-diffusion-v1-5/stable-diffusion-v1-5"
NO_NOUN = "--class-noun is needed: what the photos show, such as --class-noun dog"


def _settings(says: str) -> Any:
    return typer.Argument(metavar="section.field=value", help=says, show_default=False)


Overrides = Annotated[
    list[str] | None,
    _settings("Settings over the recipe's, such as train.steps=800; `staytrue show RECIPE` prints them all."),
]
OverTheRun = Annotated[list[str] | None, _settings("Settings over the run's own; its config.json has them all.")]
OfProtect = Annotated[list[str] | None, _settings("protect.field=value and backbone.field=value.")]
OfIdentifiers = Annotated[
    list[str] | None, _settings("For the list of identifiers: identifiers.field=value and backbone.field=value.")
]
OfWords = Annotated[list[str] | None, _settings("words.field=value, such as words.domain=car.")]
Out = Annotated[Path | None, typer.Option(help="Folder of the run; by default runs/<name of the photo folder>.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ..., or auto for the best at hand.")]
Quick = Annotated[bool, typer.Option("--quick", help="A small version of the recipe: minutes, and rough pictures.")]
Rights = Annotated[
    bool,
    typer.Option(
        "--i-have-the-rights",
        help="Photos that look protected or noisy may be cleaned: they are mine, or I may. Recorded.",
    ),
]
BackboneName = Annotated[
    str | None,
    typer.Option(
        "--backbone",
        help=f"Diffusers folder, .safetensors file or hub id, such as {REAL_CHECKPOINT}; by default the miniature.",
    ),
]


@app.command()
def run(
    photos: Annotated[Path, typer.Argument(metavar="PHOTOS", help="Folder with four to six photos of one subject.")],
    overrides: Overrides = None,
    class_noun: Annotated[str, typer.Option(help="What the subject is, such as dog or 'teddy bear'.")] = "",
    out: Out = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="`staytrue list recipes` names them; by default the one that --config names, else staytrue."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file of settings, laid over the recipe; subjects in it are learned too.")
    ] = None,
    identifier: Annotated[str, typer.Option(help="The rare word that will name the subject.")] = "olis",
    backbone: BackboneName = None,
    device: Device = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, save config.json, and stop.")] = False,
    quick: Quick = False,
    rights: Rights = False,
) -> None:
    """Photos in; a personalized model, pictures, scores and a report out. Run it again to resume."""
    from staytrue.config import load_toml

    if not class_noun:
        raise ConfigError(NO_NOUN)
    above = load_toml(config) if config else {}
    further = above.get("subjects", [])
    further = further if isinstance(further, list) else [further]  # what is wrong with it is said with the rest
    # a run of several subjects is named after none of them
    name = photos.resolve().name if further or not out else out.absolute().name
    values = _recipe_values(recipe, backbone, quick, above, overrides)
    first = {"name": name, "photos": str(photos), "class_noun": class_noun, "identifier": identifier}
    values["subjects"] = [first, *further]
    _start(_checked(values, overrides), out or Path("runs") / "-and-".join(_names(values)), device, dry_run, rights)


@app.command()
def demo(
    out: Annotated[Path | None, typer.Option(help="Folder of the run; by default runs/demo.")] = None,
    device: Device = "auto",
    quick: Quick = False,
) -> None:
    """Personalize the miniature on a bundled can: pictures beside the base model and the photos, scores, report."""
    from staytrue.config import values_of
    from staytrue.recipes import quick as made_quick
    from staytrue.recipes.demo import demo as demo_config

    config = made_quick(demo_config()) if quick else demo_config()
    _start(_checked(values_of(config), None), out or Path("runs") / "demo", device, dry_run=False)


def _verb(verb: str, says: str) -> None:
    def continue_run(
        folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")],
        overrides: OverTheRun = None,
        device: Device = "auto",
        rights: Rights = False,
    ) -> None:
        from staytrue.config import values_of
        from staytrue.opening import saved_config

        _run(_checked(values_of(saved_config(folder)), overrides), folder, device, verb, rights)

    app.command(verb, help=f"{says}\n\nContinues a run; earlier stages that are not complete run first.")(continue_run)


for _name, _says in VERBS.items():
    _verb(_name, _says)


@app.command()
def protect(
    photos: Annotated[Path, typer.Argument(metavar="PHOTOS", help="Folder with your own photos of one subject.")],
    overrides: OfProtect = None,
    class_noun: Annotated[str, typer.Option(help="What the photos show, such as dog; prompts say it.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="Folder to write; by default protected/<name of the photos>.")
    ] = None,
    identifier: Annotated[str, typer.Option(help="The rare word that surrogates use.")] = "olis",
    backbone: BackboneName = None,
    device: Device = "auto",
) -> None:
    """Make your own photos hard to learn from, and see what that is worth. Settings: protect.method=aspl protect.radius=11/255."""
    from staytrue.config import overridden, parse_as
    from staytrue.opening import resolved_device
    from staytrue.protect.config import ProtectConfig, spelled_out

    if not class_noun:
        raise ConfigError(NO_NOUN)
    name = photos.resolve().name
    subject = {"name": name, "photos": str(photos), "class_noun": class_noun, "identifier": identifier}
    values: Values = {"subject": subject, "backbone": {"name": "sd", **({"path": backbone} if backbone else {})}}
    values["protect"] = {"method": {"name": "aspl"}}
    config = parse_as(ProtectConfig, overridden(values, spelled_out(overrides or [])))
    folder = out or Path("protected") / name
    facts = config.backbone.facts()
    makes = f" What comes out are copies of {facts.resolution_px} px, protected against it alone."
    _tell(facts, facts.unknown(config.texts()), makes)
    _quiet()
    from staytrue.protect.stage import protect_stage

    if not protect_stage(config, folder, resolved_device(device)):
        typer.echo("Complete already.")
    for title, file in (("Photos", "photos"), ("Report", "report.html"), ("Numbers", "protect.json")):
        typer.echo(f"{title + ':':<10}{folder / file}")


app.add_typer(bench_app, name="bench")


@app.command("list")
def list_axis(
    axis: Annotated[str, typer.Argument(help="Which list; without one, the lists there are.")] = "",
    overrides: OfIdentifiers = None,
    device: Device = "auto",
) -> None:
    """List recipes, the components of an axis, or `identifiers`: rare words for the subject, on the backbone in question."""
    from staytrue.recipes import RECIPES

    if axis == "identifiers":
        return _identifiers(overrides, device)
    axes = {r.axis.replace(" ", "-"): {n: r.get(n) for n in r.names()} for r in _registries()}
    entries: dict[str, dict[str, Any]] = {"recipes": dict(RECIPES), **axes}
    if axis and axis not in entries:
        raise ConfigError(f"no list named {axis!r}; there are: {', '.join(entries)}, identifiers")
    if overrides:
        raise ConfigError(f"the list of {axis} has no settings; only `staytrue list identifiers` has")
    rows = {n: (e.__doc__ or "").splitlines()[0] for n, e in entries[axis].items()} if axis else _summary(entries)
    width = max(18, *map(len, rows))
    for name, says in rows.items():
        typer.echo(f"{name:<{width}} {says}")


@app.command()
def words(
    overrides: OfWords = None,
    out: Annotated[Path, typer.Option(help="Folder for the pools; regularize.words takes it.")] = Path("words"),
) -> None:
    """Ask a language model for the word pools of a new domain. Needs one: runs as they are never do."""
    from staytrue.config import overridden, parse_as
    from staytrue.regularize.new_words.make import Settings, make_pools

    wanted = parse_as(Settings, overridden({"words": {"writer": {"name": "endpoint"}}}, overrides or [])).words

    def tell(pool: str, entries: list[str], size: int) -> None:
        short = "" if len(entries) >= size else f" (of {size} wanted)"
        typer.echo(f"{pool}: {len(entries)}{short}: {', '.join(entries[:8])}{' ...' if len(entries) > 8 else ''}")

    make_pools(wanted, out, tell)
    typer.echo(
        f"\nLook through {out}, mend what needs it (where a pool is short, the same command asks on), then:"
        f" staytrue run ... regularize.words={out}"
    )


@app.command()
def show(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe.")],
    overrides: Overrides = None,
    backbone: BackboneName = None,
) -> None:
    """Print a recipe as TOML, every setting resolved for the backbone: a file for --config."""
    from staytrue.config import overridden, parse, to_toml

    values = overridden(_recipe_values(recipe, backbone, False, {}, overrides), overrides or [])
    # it names the recipe, since TOML cannot say what a recipe sets to nothing
    typer.echo(f'recipe = "{recipe}"\n{to_toml(parse(values))}')


def main() -> None:
    """The console script: what is the input's fault is said in words and exits 2, without a traceback."""
    warnings.showwarning = _show_warning
    try:
        app()
    except StaytrueError as error:
        typer.secho(f"Error: {error}", fg="red", err=True)
        sys.exit(2)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise
        said = f"{error.strerror}: {error.filename or 'while writing'}"
        typer.secho(
            f"Error: {said}. What is finished is kept; with room to write the same command goes on", fg="red", err=True
        )
        sys.exit(2)


def _show_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    """Ours in a line; those of libraries are for developers, who see them under pytest."""
    if category is UserWarning:
        typer.secho(f"Warning: {message}", fg="yellow", err=True)


def _recipe_values(
    name: str | None, backbone: str | None, quick: bool, above: Values, overrides: list[str] | None = None
) -> Values:
    """A recipe for the backbone in question, made small if asked, with the values of a file on top, which may name it."""
    from staytrue.config import layered, named_backbone, values_of
    from staytrue.recipes import DEFAULT, recipe
    from staytrue.recipes import quick as made_quick

    name = name or str(above.get("recipe", DEFAULT))
    above = {key: value for key, value in above.items() if key != "recipe"}
    if backbone:  # the flag's, not the file's
        above = layered(above, {"backbone": {"path": backbone}})
    config = recipe(name, named_backbone(above, overrides or []))
    return layered(values_of(made_quick(config) if quick else config), above)


def _names(values: Values) -> list[str]:
    """Names of the subjects, as far as they can be read before anything is checked."""
    return [str(subject.get("name", "")) for subject in values["subjects"] if isinstance(subject, dict)]


def _checked(values: Values, overrides: list[str] | None) -> RunConfig:
    """The configuration with overrides; says which words the backbone does not know, and when it is the miniature."""
    from staytrue.checks import unknown_words
    from staytrue.config import overridden, parse

    config = parse(overridden(values, overrides or []))
    _tell(config.backbone.facts(), unknown_words(config))
    return config


def _tell(facts: Facts, unknown: list[str], makes: str = "") -> None:
    """Says when the backbone is the miniature, with what that makes of the photos, and which words it does not know."""
    if facts.is_miniature:
        typer.secho(
            f"Running on {facts.title}: small, bundled, and for trying things out.{makes} For a real model, name a checkpoint:"
            f" --backbone {REAL_CHECKPOINT} (Stable Diffusion 1.x or 2.x).",
            fg="yellow",
            err=True,
        )
    if unknown:
        warnings.warn(f"{facts.title} does not know: {', '.join(unknown)}", stacklevel=2)


def _start(config: RunConfig, folder: Path, device: str, dry_run: bool, rights: bool = False) -> None:
    from staytrue.opening import open_run, resolved_device

    if dry_run:
        with open_run(config, folder, resolved_device(device)) as here:
            typer.echo(f"All is well. Saved {here.config}; nothing was trained.")
    else:
        _run(config, folder, device, "evaluate", rights)


def _run(config: RunConfig, folder: Path, device: str, until: str, rights: bool = False) -> None:
    """Runs the stages, without the libraries' own progress bars, and says where things are."""
    _quiet()
    from staytrue.pipeline import run

    here = run(config, folder, device, until, rights)
    for title, path in (("Report", here.report), ("Model", here.model), ("Pictures", here.images)):
        if path.exists() and (title != "Report" or until == "evaluate"):  # an earlier one is not of these pictures
            typer.echo(f"{title + ':':<10}{path}")


def _quiet() -> None:
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()


def _identifiers(overrides: list[str] | None, device: str) -> None:
    """Prints candidates, as fast as a file can be read; draws pictures with them only where asked."""
    from staytrue.caption.identifiers import Settings
    from staytrue.config import overridden, parse_as

    asked = parse_as(Settings, overridden({"backbone": {"name": "sd"}, "identifiers": {}}, overrides or []))
    found = asked.identifiers.found(asked.backbone)
    says = {word: f"{word:<18} {spelled}" for word, spelled in found.items()}
    if asked.identifiers.draw:
        from staytrue.opening import resolved_device

        drawn = asked.identifiers.drawn(asked.backbone, list(found), resolved_device(device))
        says = {
            w: f"{says[w]}; draws {d.own:.2f} of a seed's change, CLIP-T falls by {d.loss:+.3f}"
            for w, d in drawn.items()
        }
    for line in says.values():
        typer.echo(line)


def _registries() -> list[Registry]:
    from staytrue.adapters import ADAPTERS
    from staytrue.backbones import BACKBONES
    from staytrue.caption import CAPTIONERS
    from staytrue.evaluate import METRICS
    from staytrue.generate import GUIDES
    from staytrue.objectives import OBJECTIVES
    from staytrue.protect import PROTECTIONS
    from staytrue.purify import PURIFIERS
    from staytrue.regularize import PRIOR_SETS
    from staytrue.regularize.new_words import WRITERS

    return [PURIFIERS, CAPTIONERS, PRIOR_SETS, WRITERS, OBJECTIVES, ADAPTERS, BACKBONES, GUIDES, METRICS, PROTECTIONS]


def _summary(entries: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {axis: ", ".join(names) for axis, names in entries.items()}
