"""The word pools that ship: their sizes, and that every entry is clean, its own, and fits its slot of a caption.

Each rule is a function from entries to complaints, so that it is shown on bad entries as well as on the pools.
"""

import re
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import pytest

import staytrue
from staytrue.grammar import with_article

FOLDER = Path(staytrue.__file__).parent / "assets" / "words"
SIZES = {
    "shapes": 85, "colors": 93, "textures": 96, "backgrounds": 455, "bodies": 89, "skins": 86, "emotions": 75,
    "motions": 744, "styles": 99,
    "accessories": 60,
    "people/bodies": 85, "people/skins": 85, "people/emotions": 75, "people/motions": 744,
}  # fmt: skip
MOTIONS = ("motions", "people/motions")
ADJECTIVES = tuple(n for n in SIZES if n not in (*MOTIONS, "styles", "backgrounds", "accessories"))
TOGETHER = (
    ("shapes", "colors", "textures"), ("bodies", "skins", "emotions"),
    ("people/bodies", "people/skins", "people/emotions"),
)  # fmt: skip
ARTICLES = {"a", "an", "the"}
PREPOSITIONS = """above across after against along amid amidst among at atop before behind beneath beside between
beyond by during in inside near next on opposite outside over surrounded under underneath with within"""
BLOCKED = """bathing bathtub beer bikini bitch blood bloody bomb busty cigarette corpse crazy crippled cruel curvy
damn dead drunk dumb erotic exotic fat ghetto gun gypsy hell idiotic insane kill killing kinky knife lame lingerie
naked nude obese oriental primitive retarded sauna savage seductive sexual sexy skinny slave soldier stupid topless
ugly undressed undressing violent voluptuous weapon whiskey"""
BRITISH = re.compile(r"colour|grey|cosy|centre|theatre|jewell|woollen|harbour|favour|plough|pyjama|moustache|aeroplane")
# DreamBench's backgrounds and outfits: the pools must not hand out what is evaluated
EVALUATED = """in the jungle; in the snow; on the beach; on a cobblestone street; on top of pink fabric;
on top of a wooden floor; with a city in the background; with a mountain in the background;
with a blue house in the background; on top of a purple rug in a forest; with a wheat field in the background;
with a tree and autumn leaves in the background; with the eiffel tower in the background; floating on top of water;
floating in an ocean of milk; on top of green grass with sunflowers around it; on top of a mirror;
on top of the sidewalk in a crowded street; on top of a dirt road; on top of a white rug; wearing a red hat;
wearing a santa hat; wearing a rainbow scarf; wearing a black top hat and a monocle; in a chef outfit;
in a firefighter outfit; in a police outfit; wearing pink glasses; wearing a yellow shirt; in a purple wizard outfit"""


def entries(name: str) -> list[str]:
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")


def stem(word: str) -> str:
    """Without a plural's ending: "berries" and "berry", "boxes" and "box" are one."""
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("ss", "ss")):
        if word.endswith(ending):
            return word.removesuffix(ending) + instead
    return word.removesuffix("s")


def bag(entry: str) -> tuple[str, ...]:
    """What is left of an entry without case, punctuation, hyphens, articles, plurals and order."""
    words = re.findall(r"[a-z0-9]+", entry.lower().replace("'", "").replace("$concept", ""))
    return tuple(sorted(stem(w) for w in words if w not in ARTICLES))


def twins(listed: list[str]) -> list[list[str]]:
    groups = defaultdict(list)
    for entry in listed:
        groups[bag(entry)].append(entry)
    return [group for group in groups.values() if len(group) > 1]


def unclean(listed: list[str], signs: str = "") -> list[str]:
    """Entries with spaces at an end or doubled, capitals, or other characters than words are made of."""
    allowed = re.compile(rf"[a-z{signs}]+([ '-][a-z{signs}]+)*")
    return [e for e in listed if not allowed.fullmatch(e)]


def unwanted(listed: list[str]) -> list[str]:
    return [
        e for e in listed if set(BLOCKED.split()) & set(re.findall(r"[a-z]+", e.lower())) or BRITISH.search(e.lower())
    ]


def misplaced_slot(listed: list[str]) -> list[str]:
    """Motions without one ``$concept`` after "a", or that do not say at once what it does."""
    fits = re.compile(r"[aA] \$concept (\S+ing|\S+ \S+ing)( .+)?")
    return [e for e in listed if e.count("$") != 1 or not fits.fullmatch(e)]


def no_place(listed: list[str]) -> list[str]:
    return [e for e in listed if e.split()[0] not in PREPOSITIONS.split() or len(e.split()) < 2]


def no_style(listed: list[str]) -> list[str]:
    """Styles that do not begin with the fitting article or do not end in "of"."""
    return [e for e in listed if not re.fullmatch(r"(a [^aeiou ]|an [aeiou]).* of", e)]


def not_before_a_noun(listed: list[str]) -> list[str]:
    """Adjectives of more than two words, with an article or preposition, or whose first letter hides its a or an."""
    hidden = re.compile(r"(uni|use|usu|uti|eu|one\b|hour|honest|heir|honor)|[a-z]\b")
    return [
        e
        for e in listed
        if len(e.split()) > 2 or {*ARTICLES, *PREPOSITIONS.split(), "of"} & set(e.split()) or hidden.match(e)
    ]


@pytest.mark.parametrize("name", SIZES)
def test_pool_is_as_large_as_the_papers(name: str) -> None:
    assert len(entries(name)) >= SIZES[name]


def test_every_list_that_ships_is_read() -> None:
    """By its name; ``named`` is there for ``caption/meaning.py`` alone, which reads all lists."""
    code = "".join(file.read_text() for file in FOLDER.parents[1].rglob("*.py"))
    lists = {file.stem for file in FOLDER.rglob("*.txt")}
    assert {name for name in lists - {"named"} if not re.search(rf'"(people/)?{name}(\.txt)?"', code)} == set()


@pytest.mark.parametrize("name", SIZES)
def test_no_entry_comes_twice(name: str) -> None:
    assert not twins(entries(name))


@pytest.mark.parametrize("name", SIZES)
def test_entries_are_clean(name: str) -> None:
    assert not unclean(entries(name), signs="$" if name in MOTIONS else "0-9" if name == "styles" else "")
    assert not unwanted(entries(name))


@pytest.mark.parametrize("name", MOTIONS)
def test_motions_have_one_slot_and_a_verb(name: str) -> None:
    assert not misplaced_slot(entries(name))


@pytest.mark.parametrize("name", MOTIONS)
def test_motions_are_varied(name: str) -> None:
    """No cross product of a few verbs with places: each has a small share, and there are many."""
    verbs = [entry.split()[2] for entry in entries(name)]
    assert max(verbs.count(v) for v in set(verbs)) <= 0.08 * len(verbs)
    assert len(set(verbs)) >= len(verbs) / 4


def test_backgrounds_begin_with_a_preposition() -> None:
    assert not no_place(entries("backgrounds"))


def test_backgrounds_are_varied() -> None:
    first = [entry.split()[0] for entry in entries("backgrounds")]
    assert max(first.count(w) for w in set(first)) <= len(first) / 3
    assert len(set(first)) >= 20


@pytest.mark.parametrize("name", ["backgrounds", "accessories", *MOTIONS])
def test_pools_do_not_hand_out_the_evaluation(name: str) -> None:
    evaluated = {bag(e.replace("wearing ", "")) for e in EVALUATED.split(";")} | {bag(e) for e in EVALUATED.split(";")}
    assert len(evaluated) == 36
    assert not [e for e in entries(name) if bag(e) in evaluated]


def test_accessories_are_things_with_their_article() -> None:
    assert all(with_article(re.sub("^an? ", "", entry)) == entry for entry in entries("accessories"))


def test_styles_end_in_of() -> None:
    assert not no_style(entries("styles"))


@pytest.mark.parametrize("name", ADJECTIVES)
def test_adjectives_go_before_a_noun(name: str) -> None:
    assert not not_before_a_noun(entries(name))


@pytest.mark.parametrize("names", TOGETHER, ids="-".join)
def test_pools_of_one_caption_share_nothing(names: tuple[str, ...]) -> None:
    for one, other in combinations(names, 2):
        assert not {bag(e) for e in entries(one)} & {bag(e) for e in entries(other)}, (one, other)


@pytest.mark.parametrize(
    ("rule", "bad", "good"),
    [
        (
            unclean,
            ["Red", " red", "red ", "olive  green", "re_d", "caf\u00e9", "red,", "", "35mm", "$concept"],
            ["off-white", "child's"],
        ),
        (unwanted, ["a naked tree", "Gun metal", "grey", "in a theatre"], ["gray", "begun", "in a theater"]),
        (
            misplaced_slot,
            ["a dog running", "the $concept running", "a $concept a $concept running", "$concept running",
             "a $concept in a park", "a $concepts running", "a $concept runs"],
            ["a $concept running", "A $concept ice skating on a pond"],
        ),
        (no_place, ["a table", "table on the left", "on", "floating on milk"], ["on a table", "surrounded by cats"]),
        (no_style, ["a painting", "painting of", "a oil painting of", "an painting of", "a photo"], ["a photo of"]),
        (
            not_before_a_noun,
            ["a red", "shape of a heart", "uniform", "u-shaped", "hourglass-shaped", "very very tall"],
            ["unmade", "olive green", "heart-shaped"],
        ),
    ],
    ids=["unclean", "unwanted", "slot", "place", "style", "adjective"],
)  # fmt: skip
def test_rules_find_bad_entries(rule, bad: list[str], good: list[str]) -> None:
    assert rule([*bad, *good]) == bad


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("red", "Red"), ("cone-shaped", "cone shaped"), ("candle", "candles"), ("berry", "berries"), ("box", "boxes"),
        ("on a table", "on the tables"), ("green olive", "olive green"), ("child's", "childs"),
        ("a $concept running", "A $concept, running"),
    ],
)  # fmt: skip
def test_twins_are_found(one: str, other: str) -> None:
    assert twins([one, "glass", other, "gas"]) == [[one, other]]
