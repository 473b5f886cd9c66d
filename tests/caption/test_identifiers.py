"""The rare-token finder: one token of the tokenizer, and, where asked, what each word draws."""

import sys
import time
from importlib.resources import as_file, files

import pytest
import torch
from transformers import CLIPTokenizer

from staytrue.backbones import SD
from staytrue.backbones.clip_words import clip_words
from staytrue.backbones.sd_tokenizer import with_tokenizer
from staytrue.caption.identifiers import Identifiers
from staytrue.cli import main
from staytrue.encoders.clip import LoadedClip
from staytrue.errors import ConfigError
from staytrue.generate.sampling import Sampling
from tests.encoders.tiny_judges import tiny_clip
from tests.tiny import WORDS, tiny_sd, tiny_tokenizer


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return SD(path=str(tiny_sd(tmp_path_factory.mktemp("tiny") / "model", size=16)))


def test_spells_as_the_tokenizer_does(tiny, tmp_path):
    tokenizer, words = tiny_tokenizer(tmp_path), clip_words(tiny.files().folder)
    for word in [*WORDS, "dogs", "olisdog", "qqq", "redbag", "x"]:
        assert words.tokens(word) == tokenizer.tokenize(word)


SENTENCES = [
    "a photo of a dog's bed, it's red",
    "don't we'll I'd they've!",
    "Café in Besançon, l'été",
    "東京の犬の写真",
    "фото собаки на пляже",
    "a <new1> dog of 2024 😀, __x__ & co",
]


@pytest.mark.parametrize("text", SENTENCES)
def test_spells_sentences_of_any_letters_as_clip_does(tmp_path, text):
    """By bytes: a Japanese prompt is half as long again as its letters, and "'s" is one token."""
    with as_file(files("staytrue") / "backbones" / "configs" / "sd1") as root, with_tokenizer(root) as folder:
        tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    assert clip_words(tmp_path).spell(text) == tokenizer.tokenize(text)


def test_reads_either_form_of_the_files(tiny, tmp_path):
    """``tokenizer.json`` alone, as transformers 5 writes it, and the classic two give the same."""
    (tmp_path / "tokenizer").mkdir()
    classic = tiny_tokenizer(tmp_path / "classic" / "tokenizer")
    classic.save_pretrained(tmp_path / "tokenizer")
    for name in ("merges.txt", "vocab.json"):
        (tmp_path / "tokenizer" / name).unlink(missing_ok=True)
    assert clip_words(tmp_path) == clip_words(tmp_path / "classic")


def test_openais_own_vocabulary(tmp_path):
    """Of a single file there are configurations only. `olis`, the paper's word, is id 49397; `sks` 48136 (spec, 2.3).

    What means something is not among the words, whatever the reason: read, inflected, in a pool, joined, a slur.
    """
    words = clip_words(tmp_path)
    assert words.ids["olis</w>"] == 49397
    assert words.ids["sks</w>"] == 48136
    found = Identifiers(count=10).search(words, tiny_facts())
    assert found[:2] == ["olis", "hta"]
    assert all(words.is_one_token(word) for word in found)
    assert [words.ids[f"{w}</w>"] for w in found] == sorted((words.ids[f"{w}</w>"] for w in found), reverse=True)
    every = set(Identifiers(count=40000, letters=(1, 40)).search(words, tiny_facts()))
    meant = "sks dog red sigue kilt blob hertz linus rune puffy jails swaps bowed dairyfree foodsecurity jap fck hateful".split()
    assert all(words.is_one_token(word) for word in meant)
    assert not every & set(meant)
    assert every > {"olis", "waj", "gote", "ademy", "ohwx"}


def tiny_facts():
    from staytrue.types import Facts

    return Facts("sd", "SD 1.5", 512, (4, 64, 64), "epsilon")


def test_a_backbones_own_list_comes_first_where_it_is_one_token(tiny):
    from dataclasses import replace

    words = clip_words(tiny.files().folder)
    facts = replace(tiny.facts(), words={"identifiers": ["zwx", "notaword", "olis"]})
    assert Identifiers().search(words, facts) == ["zwx", "olis"]
    assert Identifiers(count=1).search(words, facts) == ["zwx"]
    assert Identifiers(letters=(4, 4)).search(words, facts) == ["olis"]
    with pytest.raises(ConfigError, match="no word of 9 to 9 letters"):
        Identifiers(letters=(9, 9)).search(words, facts)


def test_says_how_a_named_word_is_spelled(tiny):
    found = Identifiers(words=("olis", "olisdog")).found(tiny)
    assert found["olis"].startswith("one token, ")
    assert "tokens:" in found["olisdog"]


def test_what_words_draw_by_hand(tiny, tmp_path, monkeypatch):
    """Pictures are replaced by known embeddings: the plain ones at right angles, "olis" on them, "red" turned away.

    spread = 1 - cos 90 = 1. "olis": moved 0, so own 0. "red": moved 1 on both seeds, so own 1; the text is along the first
    axis: plain CLIP-T (1 + 0) / 2 = .5, "red" 0, so it loses .5.
    """
    axes = torch.eye(4)
    rows = torch.stack([axes[0], axes[1], axes[0], axes[1], axes[2], axes[3]])
    asked = []

    def draw(backbone, requests, sampling):
        asked.extend((r.prompt, r.seed) for r in requests)
        return [None] * len(requests)

    monkeypatch.setattr("staytrue.generate.sampling.draw", draw)
    monkeypatch.setattr(LoadedClip, "images", lambda self, images: rows)
    monkeypatch.setattr(LoadedClip, "texts", lambda self, texts: axes[:1])
    settings = Identifiers(pictures=2, checkpoint=str(tiny_clip(tmp_path)))
    found = settings.drawn(tiny, ["olis", "red"], "cpu")
    assert asked == [(t, s) for t in ("a dog", "a olis dog", "a red dog") for s in (0, 1)]
    assert list(found) == ["olis", "red"]
    assert (found["olis"].own, found["olis"].loss) == (0, 0)
    assert (found["red"].own, found["red"].loss) == (1, 0.5)


def test_words_of_a_plural_noun_are_drawn_without_an_article(tiny, tmp_path, monkeypatch):
    asked = []

    def draw(backbone, requests, sampling):
        asked.extend(r.prompt for r in requests)
        return [None] * len(requests)

    monkeypatch.setattr("staytrue.generate.sampling.draw", draw)
    monkeypatch.setattr(LoadedClip, "images", lambda self, images: torch.eye(4))
    monkeypatch.setattr(LoadedClip, "texts", lambda self, texts: torch.eye(4)[:1])
    Identifiers(pictures=2, class_noun="sunglasses", checkpoint=str(tiny_clip(tmp_path))).drawn(tiny, ["olis"], "cpu")
    assert dict.fromkeys(asked) == dict.fromkeys(["sunglasses", "olis sunglasses"])


def test_signs_and_digits_are_tokens_of_their_own(tmp_path):
    words = clip_words(tmp_path)
    assert len(words.spell("Olis")) == 1
    assert [len(words.spell(text)) for text in ("<new1>", "sks dog", "v12")] == [4, 2, 3]


def test_really_drawn(tiny, tmp_path):
    settings = Identifiers(
        pictures=2, sampling=Sampling(steps=2), checkpoint=str(tiny_clip(tmp_path)), class_noun="cat"
    )
    found = settings.drawn(tiny, ["olis", "red"], "cpu")
    assert set(found) == {"olis", "red"}
    assert all(d.own > 0 for d in found.values())
    assert [d.own for d in found.values()] == sorted(d.own for d in found.values())


def test_the_command_answers_fast(tiny, monkeypatch, capsys):
    monkeypatch.setattr(
        sys, "argv", ["staytrue", "list", "identifiers", f"backbone.path={tiny.path}", "identifiers.count=2"]
    )
    start = time.process_time()
    with pytest.raises(SystemExit) as exit:
        main()
    assert not exit.value.code
    assert time.process_time() - start < 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all("one token, " in line for line in lines)
