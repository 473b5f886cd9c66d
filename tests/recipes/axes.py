"""The recipes as values on the axes: the table of ``docs/method.md``, made from the configurations themselves."""

from staytrue.config import RunConfig

HEAD = ("recipe", "cleaned", "captions", "class images", "trained", "loss", "steps x photos at rate", "drawn with")


def table(recipes: dict[str, RunConfig]) -> str:
    """Markdown: one line a recipe."""
    lines = [HEAD, ("---",) * len(HEAD), *((f"`{name}`", *axes(config)) for name, config in recipes.items())]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def axes(config: RunConfig) -> tuple[str, ...]:
    """One value an axis."""
    train, sampling = config.train, config.generate.sampling
    cleaned = [step.name for step in getattr(config.purify, "steps", ())] or [config.purify.name]
    captions = config.caption.name + (f", {train.adjective_dropout:g} dropped" if train.adjective_dropout else "")
    captions += f", {train.background_dropout:g} of backgrounds" if train.background_dropout else ""
    images = config.regularize.name + (f", {config.regularize.count}" if config.regularize.name != "none" else "")
    placeless = getattr(config.regularize, "placeless", 0)
    images += f", {placeless:g} without a place" if placeless else ""
    rate = f"{train.steps} x {train.batch} at {train.learning_rate:.0e}".replace("e-0", "e-")
    drawn = f"{sampling.steps} steps, {sampling.guidance:g}" + (", suffix and negative" if sampling.negative else "")
    suffixes = ", suffixes" if train.subject_suffix and train.class_suffix else ""
    return (" + ".join(cleaned), captions + suffixes, images, _trained(train), _loss(train), rate, drawn)


def _trained(train):
    adapter = train.adapter
    rank = f" {adapter.rank}" if adapter.name == "lora" else ""
    return adapter.name + rank + (" + text encoder" if getattr(adapter, "text_encoder", False) else "")


def _loss(train):
    terms = sorted(train.objectives.items(), key=lambda item: (item[1].objective.name != "denoising", item[0]))
    return " + ".join(_term(term) for _, term in terms if term.weight)


def _term(term):
    weight = "" if term.weight == 1 else f"{term.weight:g} "
    objective = term.objective
    said = ["rows"] if objective.name == "denoising" else ["pooling", "reading", "carried"]
    kind = next((getattr(objective, field) for field in said if hasattr(objective, field)), "")
    for field in ("strength", "share"):
        kind += f", {field} {getattr(objective, field):g}" if hasattr(objective, field) else ""
    return f"{weight}{objective.name}" + (f" ({kind})" if kind else "")
