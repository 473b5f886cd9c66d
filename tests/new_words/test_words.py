"""`staytrue words`: the paper's questions to a real server on loopback, and what is kept of the answers."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from staytrue.cli import main
from staytrue.errors import ConfigError
from staytrue.regularize.base import Brief
from staytrue.regularize.new_words.cleaning import clean, distinct, entries
from staytrue.regularize.new_words.endpoint import Endpoint
from staytrue.regularize.new_words.make import NewWords, make_pools
from staytrue.regularize.new_words.questions import question
from staytrue.regularize.structured import Structured
from staytrue.types import Facts
from tests.regularize.stand_in import subject

ANSWERS = {
    "shape": "Sure! Here are 100 adjectives:\n\n1. Boxy\n2. **Sleek** - smooth and flowing\n3. boxy\n4. shape of a car\n",
    "color": "red, Blue, red, navy blue.",
    "texture": "- glossy\n- matte\n",
    "background": "1. “on the racetrack.”\n2. in a garage\n3. the desert\n4. near the garage",
    "style": "1. a sketch of\n2. \"an oil painting of...\"\n3. cinematic",
}  # fmt: skip


class Chat(BaseHTTPRequestHandler):
    """Answers as ``server.answers`` says, by a word of the first question; keeps what it was asked."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers.get("Authorization"), body))
        if self.server.failures:
            self.send_response(self.server.failures.pop(0))
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(f'{{"error": "come back later, {self.headers.get("Authorization")}"}}'.encode())
            return
        first = body["messages"][0]["content"]
        said = next(answer for word, answer in self.server.answers.items() if word in first)
        if len(body["messages"]) > 1:
            said = self.server.more
        self.send_response(200)
        if self.server.cut:
            self.server.cut -= 1
            self.send_header("Content-Length", "9999")
        self.end_headers()
        self.wfile.write(json.dumps({"choices": [{"message": {"role": "assistant", "content": said}}]}).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    found = ThreadingHTTPServer(("127.0.0.1", 0), Chat)
    found.asked, found.failures, found.answers, found.more, found.cut = [], [], ANSWERS, "", 0
    threading.Thread(target=found.serve_forever, daemon=True).start()
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{found.server_port}/v1/")
    monkeypatch.setenv("OPENAI_API_KEY", "secret-key")
    monkeypatch.setenv("OPENAI_MODEL", "some-model")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield found
    found.shutdown()


def typed(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["staytrue", *map(str, words)])
    with pytest.raises(SystemExit) as exit:
        main()
    return exit.value.code or 0


def test_the_verb_asks_cleans_shows_and_saves_what_a_set_takes(server, monkeypatch, capsys, tmp_path):
    out = tmp_path / "cars"
    assert typed(monkeypatch, "words", "words.domain=car", "words.rounds=1", "--out", out) == 0
    assert sorted(p.name for p in out.iterdir()) == [
        "backgrounds.txt", "colors.txt", "shapes.txt", "styles.txt", "textures.txt",
    ]  # fmt: skip
    assert (out / "shapes.txt").read_text() == "boxy\nsleek\n"
    assert (out / "colors.txt").read_text() == "red\nblue\nnavy blue\n"
    assert (out / "backgrounds.txt").read_text() == "on the racetrack\nin a garage\nnear the garage\n"
    assert (out / "styles.txt").read_text() == "a sketch of\nan oil painting of\n"
    said = capsys.readouterr().out
    assert "shapes: 2 (of 85 wanted): boxy, sleek" in said
    assert f"regularize.words={out}" in said
    assert "secret-key" not in said + "".join(p.read_text() for p in out.iterdir())
    path, key, body = server.asked[0]
    assert path == "/v1/chat/completions"
    assert key == "Bearer secret-key"
    assert body["model"] == "some-model"
    assert body["messages"] == [
        {"role": "user", "content": "give me 100 adjective words describing the shape of a car"}
    ]
    facts = Facts("sd", "real", 512, (4, 64, 64), "epsilon")
    captions = [p.caption for p in Structured(count=20, words=out).plan(Brief(subject("car"), (), facts, 0))]
    assert {c.adjectives[0] for c in captions} == {"boxy", "sleek"}


def test_asks_on_until_there_are_enough_and_not_again_for_what_is_there(server, tmp_path):
    server.more = "1. gnarled\n2. boxy\n3. squat"
    wanted = NewWords(domain="car", pools=("shapes",), size=4, writer=Endpoint())
    assert make_pools(wanted, tmp_path) == {"shapes": 4}
    assert (tmp_path / "shapes.txt").read_text().split() == ["boxy", "sleek", "gnarled", "squat"]
    turns = server.asked[1][2]["messages"]
    assert [t["role"] for t in turns] == ["user", "assistant", "user"]
    assert turns[2]["content"].startswith("give me 2 more")
    assert len(server.asked) == 2
    assert make_pools(wanted, tmp_path) == {"shapes": 4}
    assert len(server.asked) == 2


def test_a_short_pool_goes_on_where_it_was(server, tmp_path):
    """The conversation begins with what is there, a user's own mending included, and nothing of that is lost."""
    (tmp_path / "shapes.txt").write_text("boxy\nsquare boxy\nboxy square\n\n")
    server.more = "1. boxy\n2. gnarled"
    wanted = NewWords(domain="car", pools=("shapes",), size=4, writer=Endpoint())
    assert make_pools(wanted, tmp_path) == {"shapes": 4}
    assert (tmp_path / "shapes.txt").read_text().splitlines() == ["boxy", "square boxy", "boxy square", "gnarled"]
    [(_, _, body)] = server.asked
    assert [t["content"] for t in body["messages"][1:]] == [
        "boxy\nsquare boxy\nboxy square", "give me 1 more, in the same form, all different from the ones before.",
    ]  # fmt: skip


def test_a_refusal_is_an_error_that_says_what_to_do(server, monkeypatch, capsys, tmp_path):
    server.answers = ANSWERS | {"shape": "I'm sorry, but I can't help with that."}
    server.more = "I'm sorry, please ask for something else."
    out = tmp_path / "cars"
    assert typed(monkeypatch, "words", "words.domain=car", "words.rounds=2", "--out", out) == 2
    said = capsys.readouterr()
    assert "no entry for shapes: " in said.err
    assert "I'm sorry, please ask" in said.err
    assert str(out / "shapes.txt") in said.err
    assert "Look through" not in said.out
    assert sorted(p.stem for p in out.iterdir()) == ["backgrounds", "colors", "styles", "textures"]


def test_waits_for_a_busy_server_and_gives_up_on_others(server, tmp_path):
    server.failures = [503, 429]
    assert "oxy" in Endpoint(wait_s=0).answer([{"role": "user", "content": "shape"}])
    assert len(server.asked) == 3
    server.failures = [401]
    with pytest.raises(ConfigError, match=r"HTTP 401 .*come back later, Bearer \[OPENAI_API_KEY\]") as error:
        Endpoint(wait_s=0).answer([{"role": "user", "content": "shape"}])
    assert "secret-key" not in str(error.value)
    assert len(server.asked) == 4
    server.failures = [503, 503]
    with pytest.raises(ConfigError, match="HTTP 503"):
        Endpoint(wait_s=0, tries=2).answer([{"role": "user", "content": "shape"}])


SHAPE = [{"role": "user", "content": "shape"}]


def test_what_surrounds_key_and_address_is_taken_off(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", " secret-key\r\n")
    monkeypatch.setenv("OPENAI_BASE_URL", f" http://127.0.0.1:{server.server_port}/v1 \n")
    assert "oxy" in Endpoint().answer(SHAPE)
    assert server.asked[0][:2] == ("/v1/chat/completions", "Bearer secret-key")


@pytest.mark.parametrize("key", ["secret-\rkey", "secret-\nkey", "secret- key", "secret-\u201ckey"])
def test_a_key_that_no_request_can_carry_is_not_printed(key, server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY") as error:
        Endpoint().answer(SHAPE)
    assert "secret" not in str(error.value)
    assert not server.asked


def test_a_blank_inside_the_address_is_said(server, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v 1")
    with pytest.raises(ConfigError, match="OPENAI_BASE_URL has a blank"):
        Endpoint().answer(SHAPE)


def test_an_address_that_is_none_is_said(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:port/v1")
    with pytest.raises(ConfigError, match="nonnumeric port"):
        Endpoint(model="any").answer(SHAPE)


def test_an_answer_that_is_cut_is_asked_for_again(server):
    server.cut = 1
    assert "oxy" in Endpoint(wait_s=0).answer(SHAPE)
    assert len(server.asked) == 2
    server.cut = 2
    with pytest.raises(ConfigError, match="IncompleteRead"):
        Endpoint(wait_s=0, tries=2).answer(SHAPE)


def test_what_came_before_a_failure_is_kept(server, tmp_path, monkeypatch):
    answers = ["2. gnarled", "1. boxy"]
    monkeypatch.setattr(Endpoint, "answer", lambda *_: answers.pop())
    with pytest.raises(IndexError):
        make_pools(NewWords(domain="car", pools=("shapes",), size=4, writer=Endpoint()), tmp_path)
    assert (tmp_path / "shapes.txt").read_text().split() == ["boxy", "gnarled"]


def test_the_key_follows_no_redirect(server):
    server.failures = [302]
    with pytest.raises(ConfigError, match="HTTP 302"):
        Endpoint(wait_s=0).answer([{"role": "user", "content": "shape"}])
    assert [path for path, _, _ in server.asked] == ["/v1/chat/completions"]


@pytest.mark.parametrize("field", [{"model": "other"}, {"temperature": 0.5}, {"max_tokens": 7}])
def test_every_field_of_the_request(server, field):
    Endpoint(**field).answer([{"role": "user", "content": "shape"}])
    assert field.items() <= server.asked[0][2].items()


def test_nothing_is_asked_without_an_address(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert typed(monkeypatch, "words", "--out", tmp_path / "w") == 2
    assert "OPENAI_BASE_URL is not set" in capsys.readouterr().err
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    ("pool", "domain", "asked"),
    [
        ("bodies", "children", "give me 100 adjective words describing the body of children"),
        ("shapes", "object", "give me 100 adjective words describing the shape of an object"),
        ("colors", "object", "give me 100 adjective words describing the color of an object"),
        ("textures", "object", "give me 100 adjective words describing the texture of an object"),
        ("bodies", "animal", "give me 100 adjective words describing the body of an animal"),
        ("skins", "animal", "give me 100 adjective words describing the skin or fur of an animal"),
        ("emotions", "person", "give me 100 adjective words describing the emotion of a person"),
        (
            "backgrounds", "object",
            "give me 500 phrases that describe the background, such as “on the table”, as diverse as possible.",
        ),
        ("styles", "car", "give me 100 image style descriptions, such as “a photo of”, and “a painting of”."),
        (
            "motions", "animal",
            "give me 1000 different short concise sentences that contains a special token “$concept” which stands for a "
            "specific animal, which can be a dog, a cat or a human. For example: “a $concept sitting in a temple”, “a "
            "$concept walking in a supermarket”. Keep “a $concept” in the sentences.",
        ),
    ],
)  # fmt: skip
def test_the_papers_questions_word_for_word(pool, domain, asked):
    assert question(pool, domain).text == asked


@pytest.mark.parametrize(
    ("wanted", "pools"),
    [
        (NewWords(), ["shapes", "colors", "textures", "backgrounds", "styles"]),
        (NewWords(domain="animal"), ["bodies", "skins", "emotions", "motions", "backgrounds", "styles"]),
        (NewWords(domain="person"), ["bodies", "skins", "emotions", "motions", "backgrounds", "styles"]),
        (NewWords(domain="horse", pools=("motions",)), ["motions"]),
        (NewWords(domain="children"), ["bodies", "skins", "emotions", "motions", "backgrounds", "styles"]),
        (NewWords(domain="robots"), ["shapes", "colors", "textures", "backgrounds", "styles"]),
        (NewWords(domain="dragon", living=True), ["bodies", "skins", "emotions", "motions", "backgrounds", "styles"]),
        (NewWords(domain="dog", living=False), ["shapes", "colors", "textures", "backgrounds", "styles"]),
    ],
)
def test_which_pools(wanted, pools):
    assert [q.pool for q in wanted.questions()] == pools


def test_an_unknown_pool_is_refused(monkeypatch, capsys):
    assert typed(monkeypatch, "words", 'words.pools=["smells"]') == 2
    assert "no smells; there are: shapes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("pool", "line", "kept"),
    [
        ("colors", "12) Navy Blue.", "navy blue"), ("colors", "* **Red**: like fire", "red"),
        ("colors", "the color of fire", ""),
        ("colors", "Here are 100 words", ""), ("colors", "rouge é", ""),
        ("motions", "3. “A $concept ice skating.”", "a $concept ice skating"),
        ("motions", "The $concept runs", ""), ("motions", "a $concept and a $concept", ""), ("motions", "a $concept", ""),
        ("backgrounds", "a table", ""), ("backgrounds", "Under a bridge at night.", "under a bridge at night"),
        ("styles", "oil painting of", "an oil painting of"), ("styles", "a oil painting of", "an oil painting of"),
        ("styles", "impressionism", ""), ("shapes", "", ""), ("shapes", "one two three four", ""),
    ],
)  # fmt: skip
def test_cleaning(pool, line, kept):
    assert clean(line, pool) == kept


CHATTY = """<think>Okay, the user wants shapes. Say, round, boxy, some, sure.
1. none
</think>
Absolutely! Here are some words, sure:

**Basic shapes**
1. Round
2. Boxy
- slender

Enjoy, and let me know, please, if you need more."""


@pytest.mark.parametrize(
    ("pool", "answer", "kept"),
    [
        ("shapes", CHATTY, ["round", "boxy", "slender"]),
        ("shapes", "round, boxy</think>square, flat", ["square", "flat"]),
        ("shapes", "<think>round, boxy, and so on, until it was cut", []),
        ("shapes", "Sure, here's some:\nround, boxy, flat\nEnjoy, let me know.", ["round", "boxy", "flat"]),
        ("shapes", "Basic shapes\nround\nOkay\nNone", ["round"]),
        ("emotions", "1) happy\n2) sad", ["happy", "sad"]),
        ("backgrounds", "In case you want more.\non a hill", ["on a hill"]),
    ],
)
def test_chatter_is_no_entry(pool, answer, kept):
    assert entries(answer, pool) == kept


def test_near_duplicates_go():
    assert distinct(["red brick", "brick red", "red bricks", "brick"]) == ["red brick", "brick"]
    assert distinct(["on a table", "on the tables", "under a table"]) == ["on a table", "under a table"]
    assert entries("1. a $concept running\n2. A $concept running.", "motions") == ["a $concept running"]


@pytest.fixture(scope="module")
def language_model(tmp_path_factory):
    """A random GPT-2 of a few thousand weights with the tests' tokenizer."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    from tests.tiny import tiny_tokenizer

    folder = tmp_path_factory.mktemp("gpt")
    tokenizer = tiny_tokenizer(folder)
    end = tokenizer.eos_token_id
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = GPT2Config(
            vocab_size=len(tokenizer), n_positions=256, n_embd=16, n_layer=1, n_head=2, eos_token_id=end
        )
        GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


def test_a_local_model_answers_the_same_to_the_same(language_model):
    from staytrue.regularize.new_words.local import Local

    writer, turns = Local(path=language_model, max_new_tokens=12), [{"role": "user", "content": "a red dog"}]
    assert writer.answer(turns) == writer.answer(turns) != ""
    assert writer.answer(turns).startswith("1.")  # as the question ends where there is no chat template
    assert writer.answer(turns) != Local(path=language_model, max_new_tokens=12, seed=1).answer(turns)
    assert len(Local(path=language_model, max_new_tokens=4).answer(turns)) < len(writer.answer(turns))
    greedy = Local(path=language_model, max_new_tokens=12, temperature=0)
    assert greedy.answer(turns) == Local(path=language_model, max_new_tokens=12, temperature=0, seed=1).answer(turns)


def test_a_local_model_that_is_not_there(tmp_path):
    from staytrue.regularize.new_words.local import Local

    with pytest.raises(ConfigError, match="is not the folder of a language model"):
        Local(path=tmp_path).ready()
