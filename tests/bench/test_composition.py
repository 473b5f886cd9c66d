"""``composition`` and ``conditions``: with a judge that sees exactly the words of a sentence."""

import numpy as np
import pytest
import torch

from staytrue.bench.judge import composition
from staytrue.bench.prompts import Asked, suite_words
from staytrue.recipes.demo import bundled_subject

RED_BEACH = Asked("t", "prompts", "two", "a {color} {} {background}", {"color": "red", "background": "on the beach"})


class Reader:
    """Embeds a text as the set of its words, at length 1; a picture is embedded as the text that describes it."""

    def __init__(self):
        pools = [word for pool in suite_words().values() for word in pool]
        self.words = sorted({w for text in [*pools, "a dog", "a cat"] for w in text.split()})

    def texts(self, texts):
        rows = [[float(word in text.split()) for word in self.words] for text in texts]
        return torch.nn.functional.normalize(torch.tensor(rows), dim=1)


@pytest.mark.parametrize(
    ("shows", "every", "of_class", "conditions"),
    [
        ("a red dog on the beach", 1, 1, 1),
        ("a red cat on the beach", 0, 0, 1),  # all that was asked, of another class
        ("a blue dog on the beach", 0, 1, 0),
        ("a red dog in the snow", 0, 1, 0),
        ("a blue cat in the snow", 0, 0, 0),
    ],
)
def test_a_picture_is_judged_by_its_class_and_by_each_condition(shows, every, of_class, conditions):
    judge = Reader()
    found = composition(judge, bundled_subject("dog6"), RED_BEACH, judge.texts([shows]).numpy())
    assert [float(column[0]) for column in found] == [every, of_class, conditions]


def test_pictures_are_judged_one_by_one():
    judge = Reader()
    pictures = judge.texts(["a red dog on the beach", "a red cat on the beach"]).numpy()
    found = composition(judge, bundled_subject("dog6"), RED_BEACH, pictures)
    assert np.array(found).tolist() == [[1, 0], [1, 0], [1, 1]]
