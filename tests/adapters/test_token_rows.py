"""Token rows: new words and known ones, what they start as, and what their files say."""

from copy import deepcopy
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import CLIPTokenizer

import staytrue.backbones
from staytrue.adapters import CrossAttention, Full, Lora, TextualInversion
from staytrue.adapters.token_files import TOKEN_FILE, exported_name, load_rows, token_files
from staytrue.adapters.token_rows import Token, TokenRows, attached_rows, starting_words, token_of, word_row
from staytrue.backbones import SD
from staytrue.backbones.sd_tokenizer import with_tokenizer
from staytrue.errors import ConfigError
from tests.tiny import tiny_sd

NEW = "<new1>"
ADAPTERS = [
    Full(token=True),
    Full(token=True, text_encoder=True),
    Lora(rank=2, token=True),
    CrossAttention(initializers=()),
    TextualInversion(),
]
BY_NAME = {"ids": lambda a: f"{a.name}{'+text' if getattr(a, 'text_encoder', False) else ''}"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16)


@cache
def loaded(folder):
    return SD(path=str(folder)).load()


@pytest.fixture
def backbone(folder):
    return deepcopy(loaded(folder))


def table_row(backbone, word):
    (token,) = backbone.tokenizer(word, add_special_tokens=False).input_ids
    return backbone.text_encoder.get_input_embeddings().weight[token].detach().clone()


def shift(backbone, by=0.3):
    with torch.no_grad():
        for number, row in enumerate(attached_rows(backbone.text_encoder).rows):
            row += by * (number + 1) * torch.linspace(-1, 1, len(row))  # a constant would vanish in the layer norm


def test_rows_by_hand():
    """Table [[0], [10], [20]], row of token 1 is 7, of the new token 3 is 9: ids 0 1 2 3 read 0 7 20 9."""
    table = nn.Embedding.from_pretrained(torch.tensor([[0.0], [10.0], [20.0]]))
    rows = TokenRows(table, [Token("olis", 1, new=False), Token(NEW, 3, new=True)], torch.tensor([[5.0], [6.0]]))
    with torch.no_grad():
        rows.rows.copy_(torch.tensor([[7.0], [9.0]]))
    ids = torch.tensor([[0, 1, 2, 3]])
    assert rows(ids).flatten().tolist() == [0, 7, 20, 9]
    assert rows.merged().weight.flatten().tolist() == [0, 7, 20, 9]
    assert table.weight.flatten().tolist() == [0, 10, 20]
    rows.at_base = True  # a known word is what it was, a new one what it started as
    assert rows(ids).flatten().tolist() == [0, 10, 20, 6]
    rows.at_base = False
    rows(ids).sum().backward()
    assert rows.rows.grad.flatten().tolist() == [1, 1]


def test_what_rows_start_as(backbone):
    table = backbone.text_encoder.get_input_embeddings().weight
    assert torch.equal(word_row(backbone.tokenizer, table, "dog"), table_row(backbone, "dog"))
    assert torch.equal(word_row(backbone.tokenizer, table, "teddy toy"), table_row(backbone, "toy"))
    pieces = backbone.tokenizer("qw", add_special_tokens=False).input_ids
    assert len(pieces) == 2
    torch.testing.assert_close(word_row(backbone.tokenizer, table, "qw"), (table[pieces[0]] + table[pieces[1]]) / 2)


def test_starting_words():
    assert starting_words(["olis", "sks"], ("ktn", "pll", "ucd")) == {"olis": "ktn", "sks": "pll"}
    assert starting_words(["olis", "sks"], (), ["dog", "cat"]) == {"olis": "dog", "sks": "cat"}
    assert starting_words(["olis"], ()) == {"olis": "olis"}
    with pytest.raises(ConfigError, match=r"names 1 words \(ktn\) for 2 subjects"):
        starting_words(["olis", "sks"], ("ktn",))


@pytest.mark.parametrize(
    ("adapter", "words"),
    [
        (CrossAttention(initializers=("red", "blue", "green")), ("red", "blue")),
        (TextualInversion(), ("dog", "cat")),
        (TextualInversion(initializers=("bag", "toy")), ("bag", "toy")),
        (Lora(token=True), ("olis", "sks")),
        (Lora(token=True, initializers=("bag", "toy")), ("bag", "toy")),
        (Full(token=True), ("olis", "sks")),
        (Full(token=True, initializers=("bag", "toy")), ("bag", "toy")),
    ],
    ids=str,
)
def test_where_each_adapter_starts(backbone, adapter, words):
    expected = torch.stack([table_row(backbone, word) for word in words])
    adapter.attach(backbone, ["olis", "sks"], nouns=["dog", "cat"])
    assert torch.equal(attached_rows(backbone.text_encoder).rows, expected)


@pytest.fixture(scope="module")
def words_of_clip():
    with with_tokenizer(Path(staytrue.backbones.__file__).parent / "configs" / "sd1") as folder:
        return CLIPTokenizer.from_pretrained(folder / "tokenizer")


@pytest.fixture
def clip(backbone, words_of_clip):
    """A model that reads as Stable Diffusion does, and whose rows say their own numbers."""
    numbers = torch.arange(len(words_of_clip), dtype=torch.float32)[:, None]
    backbone.tokenizer = words_of_clip
    backbone.text_encoder.set_input_embeddings(nn.Embedding.from_pretrained(numbers))
    return backbone


def test_custom_diffusion_starts_as_published(clip):
    """Its scripts look "ktn" up as an entry of the vocabulary; the word "ktn" would be the mean of 74 and 7248."""
    assert CrossAttention().initializers == ("ktn", "pll", "ucd")
    CrossAttention().attach(clip, ["olis", "sks", "zwx"])
    assert attached_rows(clip.text_encoder).rows.flatten().tolist() == [42170, 47629, 44746]


def test_a_word_that_a_user_names_is_read_as_in_a_prompt(clip):
    """CLIP has an entry "dog", too, with which "dogwood" begins: 4326. The word is 1929, and "bear" 4298."""
    CrossAttention(initializers=("dog", "teddy bear")).attach(clip, ["olis", "sks"])
    assert attached_rows(clip.text_encoder).rows.flatten().tolist() == [1929, 4298]


def test_an_identifier_that_is_no_word_becomes_a_new_token(backbone):
    length = len(backbone.tokenizer)
    assert token_of(backbone.tokenizer, "olis").new is False
    assert len(backbone.tokenizer) == length
    token = token_of(backbone.tokenizer, NEW)
    assert token == Token(NEW, length, new=True)
    assert backbone.tokenizer(f"a {NEW} dog", add_special_tokens=False).input_ids[1] == length
    assert token_of(backbone.tokenizer, NEW).id == length


@pytest.mark.parametrize("word", ["olis", NEW])
def test_two_spellings_of_one_token_are_not_two_rows(backbone, word):
    with pytest.raises(ConfigError, match="two are one token"):
        TextualInversion().attach(backbone, [word, word.upper()], nouns=["dog", "cat"])


@pytest.mark.parametrize("identifier", ["olis", NEW])
@pytest.mark.parametrize("adapter", ADAPTERS, **BY_NAME)
def test_two_subjects_go_out_and_come_back(folder, backbone, tmp_path, adapter, identifier):
    adapter.attach(backbone, [identifier, "sks"], nouns=["dog", "cat"])
    shift(backbone)
    texts = [f"a {identifier} dog next to a sks cat", "a dog"]
    ours = backbone.encode_text(texts)
    adapter.export(backbone, tmp_path / "model")
    torch.testing.assert_close(backbone.encode_text(texts), ours)
    again = deepcopy(loaded(folder))
    before = again.encode_text(texts)
    adapter.load_export(again, tmp_path / "model")
    torch.testing.assert_close(again.encode_text(texts), ours, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(before[0], ours[0], atol=1e-2)
    torch.testing.assert_close(before[1], ours[1])


@pytest.mark.parametrize("adapter", ADAPTERS, **BY_NAME)
def test_the_base_of_a_new_word_is_its_start(backbone, adapter):
    adapter.attach(backbone, [NEW], keep_base=True, nouns=["dog"])
    start = backbone.encode_text([f"a {NEW} dog"]).detach()
    shift(backbone)
    assert not torch.allclose(backbone.encode_text([f"a {NEW} dog"]), start, atol=1e-2)
    with adapter.frozen(backbone):
        torch.testing.assert_close(backbone.encode_text([f"a {NEW} dog"]), start)


def test_files_name_tokens_as_load_textual_inversion_wants_them(backbone, tmp_path):
    """The word "sks" goes as "<sks>"; "<new1>" is new, and keeps its name. Diffusers' file name comes first."""
    TextualInversion().attach(backbone, ["sks", NEW], nouns=["dog", "cat"])
    TextualInversion().export(backbone, tmp_path)
    files = token_files(tmp_path)
    assert [(f.path.name, f.identifier, f.token) for f in files] == [
        (TOKEN_FILE, "sks", "<sks>"),
        ("learned_embeds_2.safetensors", NEW, NEW),
    ]
    assert [tuple(load_file(f.path)[f.token].shape) for f in files] == [(1, 32), (1, 32)]
    assert sorted(p.name for p in tmp_path.iterdir()) == [TOKEN_FILE, "learned_embeds_2.safetensors"]


def test_a_bracketed_word_that_is_taken_gets_more_brackets():
    tokenizer = SimpleNamespace(get_vocab=lambda: {"sks": 0, "<sks>": 1})
    assert exported_name(tokenizer, Token("sks", 0, new=False)) == "<<sks>>"


def test_a_file_from_elsewhere_is_known_by_its_token(backbone, tmp_path):
    row = torch.randn(1, 32)
    save_file({"<cat-toy>": row}, tmp_path / TOKEN_FILE)
    load_rows(backbone, tmp_path)
    assert torch.equal(table_row(backbone, "<cat-toy>"), row[0])


def test_rows_travel_with_their_new_token_in_a_pipeline_folder(backbone, tmp_path):
    Full(token=True).attach(backbone, [NEW])
    shift(backbone)
    Full(token=True).export(backbone, tmp_path)
    again = SD(path=str(tmp_path)).load()
    assert torch.equal(table_row(again, NEW), attached_rows(backbone.text_encoder).rows[0])
    assert again.text_encoder.config.vocab_size == backbone.text_encoder.config.vocab_size + 1


def test_a_table_longer_than_its_tokenizer_takes_a_new_token_and_comes_back(backbone, tmp_path):
    """Such tables are padded for speed, or are of a tokenizer that had more; the model trained, and could not be loaded."""
    backbone.text_encoder.resize_token_embeddings(len(backbone.tokenizer) + 8, mean_resizing=False)
    base = deepcopy(backbone)
    Full(token=True).attach(backbone, [NEW])
    shift(backbone)
    Full(token=True).export(backbone, tmp_path)
    Full(token=True).load_export(base, tmp_path)
    assert torch.equal(table_row(base, NEW), attached_rows(backbone.text_encoder).rows[0])
