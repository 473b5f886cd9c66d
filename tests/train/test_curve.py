"""What whoever waits sees."""

import io
from types import SimpleNamespace

from rich.console import Console

from staytrue.train.curve import Bar


def shown(bar):
    """The bar as text."""
    console = Console(file=io.StringIO(), width=120)
    console.print(bar.progress.get_renderable())
    return console.file.getvalue()


def test_the_bar_says_how_many_how_fast_and_how_long():
    """Resumed at 40 of 100; twenty updates in half a second each: two a second, and forty left, which is twenty seconds."""
    bar, clock, state = Bar(100), [0.0], SimpleNamespace(step=40)
    bar.progress.get_time = lambda: clock[0]
    bar.start(state)
    try:
        assert "40/100" in shown(bar)
        assert "it/s" not in shown(bar)
        for step in range(41, 61):
            clock[0] += 0.5
            state.step = step
            bar.step(state, {})
        text = shown(bar)
    finally:
        bar.end(state)
    for part in ("training", "60/100", "2.00 it/s", "0:00:20"):
        assert part in text, text
