"""A language model behind an OpenAI-compatible endpoint."""

from __future__ import annotations

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
        """Raises ``ConfigError`` without an address or a model's name."""
        if not os.environ.get(URL, "").startswith(("http://", "https://")):
            raise ConfigError(
                f"{URL} is not set to an address, so there is no language model to ask; set it to an OpenAI-compatible one,"
                f" such as {URL}=http://localhost:8000/v1 (and {KEY}, if it wants one), or use a model on this machine:"
                " words.writer.name=local words.writer.path=FOLDER"
            )
        if not self._model():
            raise ConfigError(f"which model should {os.environ[URL]} use? words.writer.model=NAME, or {MODEL}=NAME")

    def answer(self, turns: list[Turn]) -> str:
        """The next turn. Raises ``ConfigError`` where the endpoint does not give one."""
        self.ready()
        for attempt in range(1, self.tries + 1):
            try:
                return self._once(turns)
            except urllib.error.HTTPError as error:
                with error:
                    said = error.read(300).decode(errors="replace").strip()
                reason, passing = f"HTTP {error.code} {error.reason}: {said}", error.code in PASSING
            except (OSError, ValueError, LookupError, TypeError) as error:
                reason, passing = f"{type(error).__name__}: {error}", isinstance(error, OSError)
            if not passing or attempt == self.tries:
                break
            time.sleep(self.wait_s * 2 ** (attempt - 1))
        raise ConfigError(
            f"no answer from {os.environ[URL]} ({reason}); check {URL}, {KEY} and words.writer.model. What was written"
            " until now is kept: run the same command again"
        )

    def _once(self, turns: list[Turn]) -> str:
        body: dict[str, Any] = {"model": self._model(), "messages": turns, "temperature": self.temperature}
        if self.max_tokens is not None:
            body["max_tokens"] = self.max_tokens
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get(KEY):
            headers["Authorization"] = f"Bearer {key}"
        address = os.environ[URL].rstrip("/") + "/chat/completions"
        request = urllib.request.Request(address, json.dumps(body).encode(), headers)
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=self.timeout_s) as response:
            content = json.load(response)["choices"][0]["message"]["content"]
        if not isinstance(content, str):
            raise TypeError(f"the message's content is {content!r}, not text")
        return content

    def _model(self) -> str:
        return self.model or os.environ.get(MODEL, "")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The key must not follow a redirect to somewhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None
