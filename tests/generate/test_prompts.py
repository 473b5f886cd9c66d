from pathlib import Path

import pytest

from staytrue.errors import ConfigError
from staytrue.generate import Generate
from staytrue.generate.prompts import fill, read_prompts, with_vague_nouns
from staytrue.generate.seeds import picture_seed
from staytrue.types import Facts, Subject, lives


def subject(noun="dog", identifier="olis", living=None):
    return Subject(name="it", photos=Path("x"), class_noun=noun, identifier=identifier, living=living)


def facts(miniature=True):
    return Facts("sd", "t", 64, (4, 8, 8), "epsilon", is_miniature=miniature)


@pytest.mark.parametrize(
    ("template", "noun", "text", "plain"),
    [
        ("a {} on the beach", "dog", "a olis dog on the beach", "a dog on the beach"),
        ("A {}", "alarm clock", "A olis alarm clock", "An alarm clock"),
        ("a red {}", "dog", "a red olis dog", "a red dog"),
        ("an old {}", "dog", "an old olis dog", "an old dog"),
        ("a photo of a {}", "dog", "a photo of a olis dog", "a photo of a dog"),
        ("a photo of {}", "dog", "a photo of olis dog", "a photo of dog"),
        ("a {} on the beach", "sunglasses", "olis sunglasses on the beach", "sunglasses on the beach"),
        ("a blue {}", "sunglasses", "blue olis sunglasses", "blue sunglasses"),
        ("the {} and a cat", "dog", "the olis dog and a cat", "the dog and a cat"),
        ("a olis dog in the snow", "dog", "a olis dog in the snow", "a dog in the snow"),
        ("a olis in the snow", "dog", "a olis in the snow", "a in the snow"),
        ("a cat", "dog", "a cat", "a cat"),
        ("a dog with olis.", "dog", "a dog with olis.", "a dog with."),
    ],
)
def test_fill(template, noun, text, plain):
    prompt = fill(template, subject(noun))
    assert (prompt.text, prompt.plain) == (text, plain)


@pytest.mark.parametrize(
    ("template", "text", "plain"),
    [
        ("a {} next to a {other}", "a olis dog next to a sks cat", "a dog next to a cat"),
        ("A {other} and an old {}", "A sks cat and an old olis dog", "A cat and an old dog"),
        ("a {} and a cat", "a olis dog and a cat", "a dog and a cat"),
        ("a olis dog next to a sks cat", "a olis dog next to a sks cat", "a dog next to a cat"),
    ],
)
def test_fill_two(template, text, plain):
    prompt = fill(template, subject("dog"), subject("cat", "sks"))
    assert (prompt.text, prompt.plain) == (text, plain)


def test_fill_two_chooses_each_article():
    prompt = fill("a {} next to a {other}", subject("elephant"), subject("sunglasses", "sks"))
    assert (prompt.text, prompt.plain) == ("a olis elephant next to sks sunglasses", "an elephant next to sunglasses")


@pytest.mark.parametrize(
    ("template", "plain"),
    [
        ("a {} next to a sks owl", "a dog next to an owl"),
        ("a {} next to a SKS owl and a <new1> cup", "a dog next to an owl and a cup"),
        ("a {} and sks", "a dog and"),
        ("a {}", "a dog"),
    ],
)
def test_those_beside_are_plain_too(template, plain):
    """Their identifiers are not this run's, so they name no subject of it."""
    prompt = fill(template, subject(), beside=(subject("owl", "sks"), subject("cup", "<new1>")))
    assert (prompt.text, prompt.plain) == (template.replace("{}", "olis dog"), plain)
    assert prompt.named == (subject(),)


def test_an_identifier_may_have_brackets():
    prompt = fill("a <new1> dog by the sea", subject(identifier="<new1>"))
    assert (prompt.text, prompt.plain) == ("a <new1> dog by the sea", "a dog by the sea")
    assert fill("a {}", subject(identifier="<new1>")).text == "a <new1> dog"


def two():
    one, other = subject("dog"), subject("cat", "sks")
    return one.model_copy(update={"name": "rex"}), other.model_copy(update={"name": "tom"})


@pytest.mark.parametrize("miniature", [True, False])
def test_two_subjects_have_prompts_of_their_own_and_together(miniature):
    casts = list(Generate().casts(two(), facts(miniature)))
    assert [[s.name for s in cast] for cast, _ in casts] == [["rex"], ["tom"], ["rex", "tom"]]
    assert [len(prompts) for _, prompts in casts] == [10, 10, 5]
    together = Generate().texts(two(), facts(miniature))[20:]
    assert all("olis dog" in text and "sks cat" in text for text in together)
    assert len(Generate().texts(two()[:1], facts(miniature))) == 10


def test_three_subjects_meet_two_by_two():
    three = (*two(), subject("bag", "zwx").model_copy(update={"name": "bag"}))
    generate = Generate(prompts=("a {} and a {other}", "a {}"))
    assert [[s.name for s in cast] for cast, _ in generate.casts(three, facts())][3:] == [
        ["rex", "tom"],
        ["rex", "bag"],
        ["tom", "bag"],
    ]
    assert generate.texts(three, facts())[:1] == ["a olis dog"]
    assert generate.texts(three, facts())[-1] == "a sks cat and a zwx bag"


def test_a_prompt_for_two_needs_two():
    with pytest.raises(ConfigError, match="needs a second subject"):
        Generate(prompts=("a {} and a {other}",)).texts([subject()], facts())


def test_the_miniature_knows_the_words_of_its_prompts_for_two():
    from staytrue.backbones import SD
    from staytrue.generate.prompts import MINIATURE_PAIRS

    known = SD().facts().vocabulary
    assert {w for p in MINIATURE_PAIRS for w in p.replace("{}", "").replace("{other}", "").split()} <= known


def test_the_identifier_is_taken_out_as_a_word_only():
    assert fill("a metropolis with a {}", subject()).plain == "a metropolis with a dog"


def test_the_identifier_is_taken_out_in_any_letters():
    assert fill("A Olis dog, and OLIS again", subject()).plain == "A dog, and again"


def test_broad_nouns_stand_where_the_subjects_own_do_with_the_article_that_fits():
    owl, mat = (
        Subject(name=n, photos=".", class_noun=n, class_noun_vague=v) for n, v in (("owl", "bird"), ("doormat", None))
    )
    assert with_vague_nouns("An old owl next to a doormat", (owl, mat)) == "An old bird next to a doormat"
    assert with_vague_nouns("an owl, and a snowy OWL of an owlet", (owl,)) == "a bird, and a snowy bird of an owlet"


def test_a_file_has_one_prompt_a_line(tmp_path):
    file = tmp_path / "prompts.txt"
    file.write_text("# mine\na {} on the beach\n\n  a red {}  \n", encoding="utf-8")
    assert read_prompts(file) == ["a {} on the beach", "a red {}"]


def test_a_missing_or_empty_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.txt"):
        read_prompts(tmp_path / "absent.txt")
    (tmp_path / "empty.txt").write_text("# nothing\n")
    with pytest.raises(ConfigError, match=r"no prompt in .*empty\.txt"):
        read_prompts(tmp_path / "empty.txt")


@pytest.mark.parametrize(
    ("noun", "living", "expected"),
    [
        ("dog", None, True),
        ("teddy bear", None, False),
        ("polar bear", None, True),
        ("vase", None, False),
        ("vase", True, True),
    ],
)
def test_lives(noun, living, expected):
    assert lives(subject(noun, living=living)) is expected


@pytest.mark.parametrize("miniature", [True, False])
def test_defaults_differ_for_living_things_and_have_a_slot(miniature):
    living, thing = (Generate().templates(subject(living=flag), facts(miniature)) for flag in (True, False))
    assert len(living) == len(thing) == 10
    assert any("wearing" in p for p in living)
    assert not any("wearing" in p or "sleeping" in p for p in thing)
    assert all(p.count("{}") == 1 for p in living + thing)


def test_texts_without_facts_are_only_what_the_user_wrote():
    assert Generate().texts([subject()]) == []
    assert Generate(prompts=("a {} here",)).texts([subject(), subject("cat")]) == [
        "a olis dog here",
        "a olis cat here",
    ]
    assert len(Generate().texts([subject()], facts())) == 10


def test_seeds_depend_on_seed_prompt_and_number_and_fit_torch():
    seeds = {picture_seed(s, p, n) for s in (0, 1) for p in ("a dog", "a cat") for n in range(20)}
    assert len(seeds) == 80
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert picture_seed(0, "a dog", 0) == picture_seed(0, "a dog", 0)
