"""A, an or nothing; one or several; alive or not."""

import pytest

from staytrue.backbones import SD
from staytrue.bench.subjects import members
from staytrue.generate.prompts import fill
from staytrue.grammar import is_plural, lexicon, names_a_person, names_something_living, with_article
from staytrue.types import Caption, Subject, is_person, lives


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("dog", "a dog"), ("owl", "an owl"), ("umbrella", "an umbrella"), ("unicorn", "a unicorn"),
        ("unicycle", "a unicycle"), ("uninviting cave", "an uninviting cave"), ("unusual dog", "an unusual dog"),
        ("used car", "a used car"), ("urban fox", "an urban fox"), ("ukulele", "a ukulele"), ("upright piano", "an upright piano"),
        ("u-shaped magnet", "a u-shaped magnet"), ("x-shaped toy", "an x-shaped toy"), ("hourglass", "an hourglass"),
        ("horse", "a horse"), ("honest man", "an honest man"), ("honey jar", "a honey jar"), ("heirloom", "an heirloom"),
        ("one-eyed cat", "a one-eyed cat"), ("onyx ring", "an onyx ring"), ("European bison", "a European bison"),
        ("8-bit cat", "an 8-bit cat"), ("35mm film", "a 35mm film"), ("ewe", "a ewe"), ("Eskimo dog", "an Eskimo dog"),
        ("sunglasses", "sunglasses"), ("red boots", "red boots"), ("pair of boots", "a pair of boots"),
        ("old pair of glasses", "an old pair of glasses"), ("children", "children"), ("alpine skis", "alpine skis"),
        ("bus", "a bus"), ("glass", "a glass"), ("camera lens", "a camera lens"), ("iris", "an iris"),
        ("bowl of berries", "a bowl of berries"), ("oil painting", "an oil painting"), ("gas", "a gas"),
        ("UFO", "a UFO"), ("USB stick", "a USB stick"), ("UV lamp", "a UV lamp"), ("UK flag", "a UK flag"),
        ("usb stick", "a usb stick"), ("MP3 player", "an MP3 player"), ("LED lamp", "an LED lamp"),
        ("RC car", "an RC car"), ("SUV", "an SUV"), ("rc car", "an rc car"), ("HDMI cable", "an HDMI cable"),
        ("TV set", "a TV set"), ("A4 page", "an A4 page"), ("F1 car", "an F1 car"), ("UFOs", "UFOs"),
        ("LEGO brick", "a LEGO brick"), ("NASA rocket", "a NASA rocket"), ("SIM card", "a SIM card"),
        ("UNO card", "an UNO card"), ("RED FOX", "a RED FOX"), ("onesie", "a onesie"),
        ("unanimous vote", "a unanimous vote"), ("unibrow", "a unibrow"), ("uvula", "a uvula"),
        ("unimportant cat", "an unimportant cat"), ("umber rug", "an umber rug"), ("urn", "an urn"),
        ("ulcer", "an ulcer"), ("18th birthday cake", "an 18th birthday cake"), ("1800s house", "an 1800s house"),
        ("1800s", "an 1800s"), ("11th dog", "an 11th dog"), ("110 volt lamp", "a 110 volt lamp"),
        ("1900s house", "a 1900s house"), ("80s radio", "an 80s radio"),
        ("alias", "an alias"), ("pancreas", "a pancreas"), ("bacteria", "bacteria"), ("cacti", "cacti"),
    ],
)  # fmt: skip
def test_articles(words: str, said: str) -> None:
    assert with_article(words) == said


def test_a_rare_token_takes_a() -> None:
    assert with_article("olis owl", "olis") == "a olis owl"
    assert with_article("old olis owl", "olis") == "an old olis owl"
    assert with_article("olis sunglasses", "olis") == "olis sunglasses"


@pytest.mark.parametrize("noun", ["sunglasses", "sneakers", "geese", "jeans", "women", "toy trains"])
def test_several(noun: str) -> None:
    assert is_plural(noun)


@pytest.mark.parametrize(
    "noun", ["sunglass", "sneaker", "goose", "dress", "cactus", "canvas", "pair of jeans", "box with toys"]
)
def test_one(noun: str) -> None:
    assert not is_plural(noun)


LIVING = (
    "dog", "Cat", "sheep dog", "dogs", "puppies", "wolves", "geese", "corgi", "golden retriever", "toy poodle",
    "man in a hat", "dog with a toy", "kid", "lady", "actor", "doctors", "children", "women", "people",
)  # fmt: skip
THINGS = (
    "dog bowl", "teddy bear", "rubber duck", "hot dog", "hot dogs", "rocking horse", "computer mouse", "robot dog", "robot-dog",
    "balloon dog", "porcelain cat", "stone lion", "statue of a man", "borzoi", "glass", "clock face",
)  # fmt: skip


@pytest.mark.parametrize(("noun", "alive"), [*((n, True) for n in LIVING), *((n, False) for n in THINGS)])
def test_alive(noun: str, alive: bool) -> None:
    assert names_something_living(noun) is alive
    assert lives(Subject(name="s", photos=".", class_noun=noun)) is alive
    assert lives(Subject(name="s", photos=".", class_noun=noun, living=not alive)) is not alive


@pytest.mark.parametrize(
    ("noun", "vague", "alive", "person"),
    [
        ("borzoi", "dog", True, False), ("barista", "person", True, True), ("dog bowl", "bowl", False, False),
        ("duck", "toy", False, False), ("wolf", "stuffed animal", False, False), ("mouse", "device", False, False),
        ("toy poodle", "dog", True, False), ("toy poodle", "toy", False, False), ("cat", "pet", True, False),
    ],
)  # fmt: skip
def test_the_broad_noun_is_asked_too(noun: str, vague: str, alive: bool, person: bool) -> None:
    one = Subject(name="s", photos=".", class_noun=noun, class_noun_vague=vague)
    assert (lives(one), is_person(one)) == (alive, person)


PEOPLE = (
    "grandma", "uncle", "son", "wives", "bride", "astronaut", "musician", "police officer", "police officers", "couple", "twins",
    "old neighbor", "colleague", "fighter pilot", "football player",
)  # fmt: skip
NO_PEOPLE = ("record player", "table runner", "screw driver", "toy soldier", "bride doll", "king crab", "queen bee")


@pytest.mark.parametrize(("noun", "person"), [*((n, True) for n in PEOPLE), *((n, False) for n in NO_PEOPLE)])
def test_people(noun: str, person: bool) -> None:
    one = Subject(name="s", photos=".", class_noun=noun)
    assert is_person(one) is person
    assert lives(one) or not person


def test_no_bundled_noun_names_a_person() -> None:
    """Their class captions would be other ones."""
    nouns = [(m.subject.class_noun, m.subject.class_noun_vague or "") for m in members()]
    known = SD().facts().words["nouns"]
    nouns += [(noun, broad) for noun, about in known.items() for broad in about["hypernyms"]]
    assert not [pair for pair in nouns if names_a_person(*pair)]


def test_captions_and_prompts_of_pairs() -> None:
    """Dropping an adjective chooses the article anew; a pair has none, unless it is written as one."""
    caption = Caption("pair of boots", adjectives=("ugly", "red"), background="on a rug")
    assert caption.render() == "an ugly red pair of boots on a rug"
    assert caption.without_adjectives((False, True)).render() == "a red pair of boots on a rug"
    assert Caption("boots", adjectives=("ugly",)).render() == "ugly boots"
    pair = Subject(name="s", photos=".", class_noun="boots", identifier="olis")
    assert fill("a {} on the beach", pair).text == "olis boots on the beach"
    assert fill("an old {}", pair).plain == "old boots"


@pytest.mark.parametrize("name", ["plurals", "singulars", "living", "things", "named", "people/nouns"])
def test_lexicons_are_clean(name: str) -> None:
    assert all(word == word.strip().lower() for word in lexicon(name))
    assert not lexicon("plurals") & lexicon("singulars")
    assert not (lexicon("living") | lexicon("people/nouns")) & lexicon("things")
