"""A language model behind an OpenAI-compatible endpoint."""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from typing import Any, Literal

from pydantic import Field

from staytrue.errors import ConfigError
from staytrue.registry import component
from staytrue.regularize.new_words.writer import Turn

URL, KEY, MODEL = "OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_MODEL"
PASSING = (408, 429, 500, 502, 503, 504)
QUOTED = 300  # characters of what the endpoint says


@component
class Endpoint:
    """Asks ``$OPENAI_BASE_URL/chat/completions``, with ``$OPENAI_API_KEY`` where that is set: OpenAI's, or any that speaks like it.

    Nothing is sent anywhere unless the variable names an address, and the key goes to that address only: a redirect is an
    error. Neither is ever written down.

    Attributes:
        model: name of the model; empty takes ``$OPENAI_MODEL``.
        temperature: of its sampling.
        max_tokens: longest answer; None leaves it to the endpoint.
        timeout_s: for one answer.
        tries: in all, where it is busy or down for a moment.
        wait_s: before the second try; doubles with each.
    """

    name: Literal["endpoint"] = "endpoint"
    model: str = ""
    temperature: float = Field(default=1.0, ge=0)
    max_tokens: int | None = Field(default=None, ge=1)
    timeout_s: float = Field(default=300.0, gt=0)
    tries: int = Field(default=3, ge=1)
    wait_s: float = Field(default=2.0, ge=0)

    def ready(self) -> None:
        """Raises ``ConfigError`` without an address or a model's name, or where address or key have a blank inside."""
        address = _set(URL)
        if not address.startswith(("http://", "https://")):
            raise ConfigError(
                f"{URL} is not set to an address, so there is no language model to ask; set it to an OpenAI-compatible one,"
                f" such as {URL}=http://localhost:8000/v1 (and {KEY}, if it wants one), or use a model on this machine:"
                " words.writer.name=local words.writer.path=FOLDER"
            )
        for name, value in ((URL, address), (KEY, _set(KEY))):
            if not value.isprintable() or " " in value:
                raise ConfigError(f"{name} has a blank, a line break or the like inside; set it again, without")
        if not self._model():
            raise ConfigError(f"which model should {address} use? words.writer.model=NAME, or {MODEL}=NAME")

    def answer(self, turns: list[Turn]) -> str:
        """The next turn. Raises ``ConfigError`` where the endpoint does not give one."""
        self.ready()
        for attempt in range(1, self.tries + 1):
            try:
                return self._once(turns)
            except urllib.error.HTTPError as error:
                reason, passing = f"HTTP {error.code} {error.reason}: {_said(error)}", error.code in PASSING
            except (OSError, ValueError, LookupError, TypeError, http.client.HTTPException) as error:
                reason = f"{type(error).__name__}: {error}"
                passing = isinstance(error, (OSError, http.client.IncompleteRead))
            if not passing or attempt == self.tries:
                break
            time.sleep(self.wait_s * 2 ** (attempt - 1))
        raise ConfigError(
            f"no answer from {_set(URL)} ({_without_key(reason)}); check {URL}, {KEY} and words.writer.model. What was written"
            " until now is kept: run the same command again"
        )

    def _once(self, turns: list[Turn]) -> str:
        body: dict[str, Any] = {"model": self._model(), "messages": turns, "temperature": self.temperature}
        if self.max_tokens is not None:
            body["max_tokens"] = self.max_tokens
        headers = {"Content-Type": "application/json"}
        if key := _set(KEY):
            headers["Authorization"] = f"Bearer {key}"
        address = _set(URL).rstrip("/") + "/chat/completions"
        request = urllib.request.Request(address, json.dumps(body).encode(), headers)
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=self.timeout_s) as response:
            content = json.load(response)["choices"][0]["message"]["content"]
        if not isinstance(content, str):
            raise TypeError(f"the message's content is {content!r}, not text")
        return content

    def _model(self) -> str:
        return self.model or _set(MODEL)


def _set(name: str) -> str:
    """A variable's value, without the line break that a file or a clipboard left around it."""
    return os.environ.get(name, "").strip()


def _said(error: urllib.error.HTTPError) -> str:
    """How the endpoint explains itself, as far as it comes through."""
    try:
        with error:
            return error.read(10 * QUOTED).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException):
        return ""


def _without_key(reason: str) -> str:
    """The reason's beginning. An endpoint may repeat the key that it was given."""
    key = _set(KEY)
    return (reason.replace(key, f"[{KEY}]") if key else reason)[:QUOTED]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The key must not follow a redirect to somewhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None
