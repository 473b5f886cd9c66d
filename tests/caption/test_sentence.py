"""Where the identifier goes."""

from pathlib import Path

import pytest

from staytrue.caption.sentence import with_identifier
from staytrue.types import Subject


def subject(noun: str = "dog", identifier: str = "zwx") -> Subject:
    return Subject(name="s", photos=Path("."), class_noun=noun, identifier=identifier)


@pytest.mark.parametrize(
    ("written", "rendered"),
    [
        ("a dog on a rock", "a zwx dog on a rock"),
        ("A Dog, asleep", "A zwx dog, asleep"),
        ("the brown dog's bowl", "the brown zwx dog's bowl"),
        ("a zwx dog on a rock", "a zwx dog on a rock"),
        ("my red zwx  dog", "my red zwx dog"),
        ("a dog looks at a dog", "a zwx dog looks at a dog"),
        ("zwx, the best friend", "zwx, the best friend"),
        ("Zwx asleep", "Zwx asleep"),
        ("Zwx, my old dog, on a rock", "Zwx, my old dog, on a rock"),
        ("a photo of an old dog in the hotdog shop", "a photo of an old zwx dog in the hotdog shop"),
        ("on a rug, a dog", "on a rug, a zwx dog"),
    ],
)
def test_directly_before_the_noun(written: str, rendered: str) -> None:
    caption = with_identifier(written, subject())
    assert caption is not None
    assert caption.render() == rendered


def test_neither_noun_nor_identifier() -> None:
    assert with_identifier("two dogs in a hotdog shop", subject()) is None


@pytest.mark.parametrize(
    ("noun", "identifier", "written", "rendered"),
    [
        ("apple", "zwx", "an apple on a plate", "a zwx apple on a plate"),
        ("dog", "olis", "A dog on a plate", "A olis dog on a plate"),
        ("teddy bear", "olis", "the teddy bear sits", "the olis teddy bear sits"),
        ("dog", "s+s", "a dog", "a s+s dog"),
    ],
)
def test_article_and_odd_words(noun: str, identifier: str, written: str, rendered: str) -> None:
    caption = with_identifier(written, subject(noun, identifier))
    assert caption is not None
    assert caption.render() == rendered


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("a dog on a rock.", "on a rock"),
        ("a dog", ""),
        ("a dog, asleep", ""),
        ("the dog's bowl", ""),
        ("zwx at home", ""),
    ],
)
def test_the_place_is_kept_for_the_regularization_set(written: str, place: str) -> None:
    caption = with_identifier(written, subject())
    assert caption is not None
    assert caption.background == place


def test_braces_that_a_user_wrote_stay() -> None:
    caption = with_identifier("a dog with {letters}", subject())
    assert caption is not None
    assert caption.render() == "a zwx dog with {letters}"


@pytest.mark.parametrize("rest", ["on a sofa with the zwx dog's toy", "near Zwx"])
def test_a_place_that_names_the_subject_is_none_for_class_images(rest: str) -> None:
    caption = with_identifier(f"a zwx dog {rest}", subject())
    assert caption is not None
    assert caption.background == ""
    assert caption.render() == f"a zwx dog {rest}"
