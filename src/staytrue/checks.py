"""What can be checked of a run's settings without weights: errors that would come later, and what will only be missing or idle."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import get_args

from rich.console import Console

from staytrue.backbones.clip_words import END_OF_WORD, clip_words
from staytrue.config import RunConfig, overridden, parse, values_of
from staytrue.errors import BackboneError, ConfigError, StaytrueError
from staytrue.images.load import load_folder
from staytrue.objectives import ClassSemantics, SemanticLadder
from staytrue.objectives.composed import Composed, check_needs
from staytrue.purify import Tools, require
from staytrue.purify.inspection.require import require_inspection
from staytrue.purify.stage import check_names
from staytrue.regularize.base import Brief, FilteredPriorSet, WordedPriorSet, drawer_of
from staytrue.runs import RunFolder, fingerprint
from staytrue.train.scored import LIMIT, cost_share, scored_steps
from staytrue.types import Facts, Slot, Subject, Worded, is_person, lives


def check(config: RunConfig, here: RunFolder | None = None) -> None:
    """Raises a ``StaytrueError`` for what would fail later: no subject, unusable photos, prompts, backbone or objectives.

    Warns of what will only be missing, such as the scores of a judge that is not on this machine, and of work for nothing; says
    who was taken for living. Of the run's folder, where there is one, it only asks what is complete.
    """
    if not config.subjects:
        raise ConfigError("subjects: a run needs at least one")
    facts = config.backbone.facts()
    _check_apart(config.subjects)
    for subject in config.subjects:
        for photos in filter(None, (subject.photos, subject.heldout)):
            found = load_folder(photos)
            if photos == subject.photos and config.train.select and len(found) < 2:
                raise ConfigError(
                    f"train.select holds one photo of each subject out, and {subject.name} has {len(found)}; add photos, or set"
                    " train.select=null"
                )
        _check_heldout(subject)
    config.generate.texts(config.subjects, facts)
    if config.generate.lora_weight != 1.0 and config.train.adapter.name != "lora":
        raise ConfigError(
            f"generate.lora_weight: this run trains with {config.train.adapter.name}, and has no LoRA to weigh"
        )
    config.generate.beside(config.subjects)
    available = {"frozen_base", "initial_weights"}
    if config.train.class_rows and config.regularize.name != "none":
        available |= {"class_rows", *(f"class_{slot}" for slot in _slots(config))}
    if config.train.adapter.trains_text:
        available.add("trainable_phrase")
    check_needs(Composed(config.train.objectives), frozenset(available))
    require_inspection(config.inspect, facts)
    config.train.texts(config.subjects)  # raises for words that contradict each other
    _plan_class_images(config)
    _check_starts(config)
    _look_for_defense(config, with_defense(config))
    _look_for_judges(config, facts)
    _look_for_packages(config)
    _look_at_cost_of_selecting(config)
    _look_for_models(config, facts, here)
    _look_for_readers_of_class_images(config)
    _look_for_idle_settings(config)
    _look_at_identifiers(config, facts)
    _look_at_pooling(config, facts)
    _look_at_ladders(config)
    _look_at_lengths(config, facts)
    _tell_who_lives(config.subjects)


def _slots(config: RunConfig) -> frozenset[Slot]:
    """What the captions of every subject's class images may say beside noun and background."""
    made = config.regularize
    if not isinstance(made, WordedPriorSet):
        return frozenset()
    return frozenset.intersection(frozenset(get_args(Slot)), *(made.slots(one) for one in config.subjects))


def _plan_class_images(config: RunConfig) -> None:
    """Raises for what their stage would stop at: planned without the photos' captions, and drawn by nobody."""
    made = config.prior_set()
    try:
        facts = drawer_of(made, config.backbone).facts()
    except BackboneError as error:  # the backbone's own were asked for before
        raise BackboneError(f"regularize.generator: {error}") from None
    for subject in config.subjects:
        made.plan(Brief(subject, (), facts, config.seed, tuple(config.subjects)))


def _look_at_identifiers(config: RunConfig, facts: Facts) -> None:
    """Parts of a word have meanings of their own. A word with a row to itself has no parts; the miniature knows words only."""
    if facts.vocabulary is not None or _trains_rows(config):
        return
    words = clip_words(config.backbone.files().folder)
    for subject in config.subjects:
        tokens = words.spell(subject.identifier)
        if len(tokens) > 1:
            warnings.warn(
                f"the identifier {subject.identifier!r} is {len(tokens)} tokens for {facts.title}"
                f" ({' '.join(token.removesuffix(END_OF_WORD) for token in tokens)}), which mean something of their own;"
                f" `staytrue list identifiers backbone.path={config.backbone.path}` finds words that are a single one",
                stacklevel=2,
            )


def _look_at_pooling(config: RunConfig, facts: Facts) -> None:
    """ClassDiffusion's code looks at the largest id: a new token's, or, where the identifier is none, the end mark's."""
    terms = [term.objective for term in config.train.objectives.values() if term.weight]
    if not any(isinstance(term, ClassSemantics) and term.pooling == "released" for term in terms):
        return
    words, rows = clip_words(config.backbone.files().folder), _trains_rows(config)
    old = [one.identifier for one in config.subjects if not rows or len(words.spell(one.identifier)) == 1]
    if old:
        warnings.warn(
            f"class_semantics with pooling=released reads the identifier where that is a new token, and {old[0]!r} is none for"
            f" {facts.title}: it reads the end of the text, as pooling=eos does; use --identifier '<new1>'"
            + ("" if rows else " and train.adapter.token=true"),
            stacklevel=2,
        )


def _look_at_ladders(config: RunConfig) -> None:
    """With one rung the subject is held to its class noun alone, which an anchor does, too."""
    terms = {name: term.objective for name, term in config.train.objectives.items() if term.weight}
    ladders = {name: one for name, one in terms.items() if isinstance(one, SemanticLadder)}
    for (name, ladder), (place, subject) in product(ladders.items(), enumerate(config.subjects)):
        if len(near := ladder.nouns(subject)[0]) == 1:
            warnings.warn(
                f"train.objectives.{name}: the ladder of {subject.name} has one rung, {near[0]!r}; name another, such as"
                f" subjects.{place}.class_noun_vague=toy, or all: train.objectives.{name}.objective.neighbors=['teddy', 'toy']",
                stacklevel=2,
            )


def _look_at_lengths(config: RunConfig, facts: Facts) -> None:
    """What a text encoder has no place for is cut off, and nothing would tell: a suffix stands last, and goes first."""
    words = clip_words(config.backbone.files().folder)
    generate = config.generate
    texts = [*generate.texts(config.subjects, facts), *generate.guiding_texts(config.subjects)]
    texts += filter(None, [generate.sampling.negative])
    cut = {text: end for text in texts if (end := words.cut(text))}
    for text, end in list(cut.items())[:1]:
        warnings.warn(
            f"{facts.title} reads {words.length - 2} tokens; {len(cut)} of {len(texts)} prompts are longer, such as {text!r}:"
            f" it does not read {end!r}. Say it in fewer words",
            stacklevel=2,
        )


def _tell_who_lives(subjects: Sequence[Subject]) -> None:
    """Words of class images and default prompts follow from it, so a noun that the lexicon takes wrongly must be seen in time."""
    console = Console(stderr=True, highlight=False)
    for place, one in enumerate(subjects):
        if one.living is None:
            person = lives(one) and is_person(one)
            form = "a person" if person else "something living" if lives(one) else "a thing"
            for_people = "" if person else f", or for a person subjects.{place}.class_noun_vague=person"
            console.print(
                f"  {one.name}: {one.class_noun!r} is taken for {form} in class captions and default prompts; if that is wrong:"
                f" subjects.{place}.living={'false' if lives(one) else 'true'}{for_people}",
                markup=False,
                soft_wrap=True,
            )


def _check_apart(subjects: Sequence[Subject]) -> None:
    """Each subject needs a name for its folders and a word of its own: with one word for two, both would get what is between."""
    check_names(subjects)
    words = [subject.word for subject in subjects]
    if twice := sorted({word for word in words if words.count(word) > 1}):
        raise ConfigError(
            f"subjects: two share the identifier {twice[0]!r}; give each its own identifier, which tells them apart in prompts"
        )


def _check_heldout(subject: Subject) -> None:
    """Photos that are trained on would be scored as "photos it has never seen"."""
    if subject.heldout is None:
        return
    trained = {fingerprint(photo.path): photo.path for photo in load_folder(subject.photos)}
    if both := [photo.path for photo in load_folder(subject.heldout) if fingerprint(photo.path) in trained]:
        raise ConfigError(
            f"subjects: {subject.name} is trained on {both[0].name}, which is held out, too; take it from one of the folders"
        )


def _check_starts(config: RunConfig) -> None:
    """Raises where token rows are trained, and fewer words to start from are named than there are subjects."""
    from staytrue.adapters.token_rows import starting_words

    if _trains_rows(config):
        starting_words([subject.identifier for subject in config.subjects], config.train.adapter.initializers)


def require_purifier(config: RunConfig) -> None:
    """Raises ``StaytrueError`` where files are lacking that cleaning the photos needs: before the first stage, not in it."""
    for noun in {subject.class_noun for subject in config.subjects}:
        require(config.purify, Tools(config.backbone, class_noun=noun))


def _look_for_defense(config: RunConfig, defended: RunConfig) -> None:
    """It may never be asked for, so nothing is refused."""
    if defended.purify == config.purify:
        return
    try:
        require_purifier(defended)
    except StaytrueError as error:
        warnings.warn(f"inspect.defense: were most photos suspect, the run would stop: {error}", stacklevel=2)


def with_defense(config: RunConfig) -> RunConfig:
    """``inspect.defense`` over the settings. Raises ``ConfigError`` where it does not fit them."""
    try:
        return parse(overridden(values_of(config), config.inspect.defense))
    except ConfigError as error:
        raise ConfigError(f"inspect.defense: {error}") from None


def _look_for_judges(config: RunConfig, facts: Facts) -> None:
    """Better said now than after hours of training."""
    from staytrue.encoders.checkpoint import may_be_on_hub

    asking: dict[str, list[str]] = {}
    for metric, checkpoint in config.evaluate.absent(facts).items():
        asking.setdefault(checkpoint, []).append(f"evaluate.metrics.{metric}")
    for checkpoint, metrics in asking.items():
        on_hub = may_be_on_hub(checkpoint)
        lacking = "unless it can be downloaded when the pictures are scored, they" if on_hub else "the pictures"
        warnings.warn(
            f"the judge {checkpoint} ({', '.join(metrics)}) is not on this machine: {lacking} will have no such scores."
            f" {f'Get it now with `hf download {checkpoint}`, or name' if on_hub else 'Name'} a folder that holds it:"
            f" {metrics[0]}.judge=/models/{Path(checkpoint).name}",
            stacklevel=2,
        )


def _look_for_packages(config: RunConfig) -> None:
    """A metric that reads with packages of an extra says which."""
    for name, metric in config.evaluate.metrics.items():
        packages, install = getattr(metric, "extra", ((), ""))
        if lacking := [package for package in packages if find_spec(package) is None]:
            warnings.warn(
                f"evaluate.metrics.{name} needs {' and '.join(lacking)}, which is not installed: the pictures will have no such"
                f" scores; {install}",
                stacklevel=2,
            )


def _look_at_cost_of_selecting(config: RunConfig) -> None:
    """An interval of one's own is kept, whatever it costs. Raises where there is nothing to choose from."""
    train, subjects = config.train, len(config.subjects)
    if not train.select:
        return
    share = cost_share(train, subjects, scored_steps(train, subjects))
    if share >= LIMIT:
        warnings.warn(
            f"train.select.every={train.select.every}: scoring takes up to {share:.1%} of the time of training (by count);"
            f" train.select.every=null keeps it under {LIMIT:.0%}",
            stacklevel=2,
        )


def _look_for_models(config: RunConfig, facts: Facts, here: RunFolder | None) -> None:
    """What captions, class images and checkpoints are looked at through: better said now than after hours of drawing.

    A stage that is complete needs it no more. Raises where it is absent and cannot be downloaded.
    """
    from staytrue.encoders.checkpoint import look_for
    from staytrue.encoders.own import own_clip

    made, drawer = config.regularize, drawer_of(config.regularize, config.backbone)
    passing = made.filter if isinstance(made, FilteredPriorSet) else None
    needed = {
        "caption": (config.caption, facts, "captions", "caption.name=template"),
        "regularize.filter": (passing, drawer.facts(), "regularization", "regularize.filter=null"),
        "train.select": (config.train.select, facts, "training", "train.select=null"),
    }
    for section, (looks, model, stage, otherwise) in needed.items():
        asked = getattr(looks, "checkpoint", None)
        complete = here is not None and (getattr(here, stage) / "manifest.json").is_file()
        if asked is not None and not complete:
            look_for(own_clip(asked, model).checkpoint, f"{section}.checkpoint", otherwise)


def _look_for_readers_of_class_images(config: RunConfig) -> None:
    """Class images take the longest of all to make."""
    train, made, alone = config.train, config.regularize.name, _trains_a_row_alone(config)
    asked = [term.objective for term in Composed(train.objectives).active().values()]
    read = [one.rows == "all" for one in asked if not alone]
    read += [need.startswith("class_") for one in asked if one.moves_identifier or not alone for need in one.needs]
    if made == "none" or (train.class_rows and any(read)):
        return
    why = "train.class_rows is 0"
    if train.class_rows:
        lacking = "a token row alone trains, and their captions lack the identifier"
        why = lacking if alone else "no objective with a weight reads class rows"
    warnings.warn(
        f"class images will be made (regularize.name={made}), but training will not read them: {why}; set"
        " regularize.name=none to do without",
        stacklevel=2,
    )


def _look_for_idle_settings(config: RunConfig) -> None:
    """What was set and changes nothing is mostly meant for another adapter or sampler than the one chosen."""
    train, sampling = config.train, config.generate.sampling
    rows, reads_text = _trains_rows(config), "text_encoder" in train.adapter.trains
    named = getattr(train.adapter, "initializers", ())
    idle = {
        "train.token_learning_rate": train.token_learning_rate and not rows and "no token row is trained",
        "train.adapter.initializers": named and not rows and "no token row is trained",
        "train.text_encoder_learning_rate": train.text_encoder_learning_rate
        and not reads_text
        and "the text encoder is not trained",
        "train.class_suffix": train.class_suffix
        and (not train.class_rows or config.regularize.name == "none")
        and "there are no class images",
        "generate.sampling.negative": sampling.negative and sampling.guidance == 1 and "guidance is 1",
    }
    idle |= {
        f"generate.guides.{name}": not one.weight and one != type(one)() and "its weight is 0"
        for name, one in config.generate.guides.items()
    }
    if _trains_a_row_alone(config):
        idle |= {
            f"train.objectives.{name}": not term.objective.moves_identifier
            and f"a token row alone trains, and this asks without the identifier; set train.objectives.{name}.weight=0"
            for name, term in Composed(train.objectives).active().items()
        }
    for name, why in idle.items():
        if why:
            warnings.warn(f"{name} has no effect: {why}", stacklevel=2)


def unknown_words(config: RunConfig) -> list[str]:
    """Words of the settings that the backbone's vocabulary lacks, in order; none where it has no list.

    Those of captions that come with pictures are looked at when they are read.
    """
    facts = config.backbone.facts()
    if facts.vocabulary is None:
        return []
    texts = [subject.phrase for subject in config.subjects] + config.generate.texts(config.subjects, facts)
    texts += config.generate.guiding_texts(config.subjects)
    texts += [config.generate.sampling.negative, *config.train.texts(config.subjects)]
    texts += [text for part in (config.caption, config.regularize) if isinstance(part, Worded) for text in part.texts()]
    taught = set()
    if _trains_rows(config):
        taught = {subject.identifier.lower() for subject in config.subjects}
        texts += config.train.adapter.initializers[: len(config.subjects)]
    return [word for word in facts.unknown(texts) if word not in taught]


def _trains_rows(config: RunConfig) -> bool:
    """Whether each identifier gets a token row, and so need not be a word."""
    return "token" in config.train.adapter.trains


def _trains_a_row_alone(config: RunConfig) -> bool:
    """Whether nothing learns from texts without an identifier."""
    return config.train.adapter.trains == {"token"}
