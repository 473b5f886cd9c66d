"""Every word writer: its own config, quick to list, and refuses before it asks anything where it cannot answer."""

import pytest
from pydantic import TypeAdapter, ValidationError

from staytrue.errors import StaytrueError
from staytrue.regularize.new_words import WRITERS

SETTINGS = {"endpoint": {"model": "m", "tries": 1}, "local": {"path": "no/such/folder"}}


@pytest.fixture(params=WRITERS.names())
def writer(request):
    return WRITERS.get(request.param)(**SETTINGS[request.param])


def test_is_its_own_config(writer):
    adapter = TypeAdapter(WRITERS.union())
    assert adapter.validate_json(adapter.dump_json(writer)) == writer
    with pytest.raises(ValidationError):
        adapter.validate_python({"name": writer.name, "no_such_field": 1})


def test_says_what_is_missing(writer, monkeypatch):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    for refuse in (writer.ready, lambda: writer.answer([{"role": "user", "content": "shape"}])):
        with pytest.raises(StaytrueError, match=r"words\.writer\."):
            refuse()
