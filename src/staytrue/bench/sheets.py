"""``staytrue bench sheet``: what the recipes drew, side by side, one sheet for each subject."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from staytrue.bench.minibench import Asked, Planned, bench_for, plan, results_folder, suites
from staytrue.bench.plan import Setting, strip_file
from staytrue.bench.prompts import suite_prompts
from staytrue.bench.real import REAL
from staytrue.bench.strips import cut
from staytrue.bench.subjects import Member
from staytrue.errors import ConfigError
from staytrue.images.grid import PAPER, comparison_grid
from staytrue.images.load import load_folder
from staytrue.images.metadata import png_bytes
from staytrue.runs import write_bytes

ACROSS, CELL_PX = 9, 96


def make_sheets(asked: Asked) -> list[Path]:
    """Writes ``sheet-<subject>.png`` beside the results of each suite.

    Photos first, then a row for every variant that draws; a column for every prompt of the first list, with the same first
    noise from top to bottom.

    Raises:
        ConfigError: no run of what is asked for has left its pictures.
    """
    written = []
    for suite in suites(asked):
        planned = plan(suite, asked)
        for member in planned.members:
            if rows := _rows(planned, member):
                written.append(results_folder(asked, suite) / f"sheet-{member.name}.png")
                write_bytes(written[-1], png_bytes(_sheet(member, rows), {"subject": member.name}))
    if not written:
        raise ConfigError(
            f"no pictures in {bench_for(asked, None).runs}; `staytrue bench minibench` of the same draws them"
        )
    return written


def _rows(planned: Planned, member: Member) -> list[tuple[Setting, list[Image.Image]]]:
    """The settings that have drawn the subject, with their first seed's first picture of every prompt."""
    drawing = [one for one in planned.settings if one.variant.arm.recipe != REAL]
    files = [(one, strip_file(one, member, one.bench.seeds[0])) for one in drawing]
    return [(one, cut(_read(file))) for one, file in files if file.is_file()]


def _sheet(member: Member, rows: Sequence[tuple[Setting, list[Image.Image]]]) -> Image.Image:
    """Blocks of columns under each other, as wide as a page; the photos above the first."""
    bench = rows[0][0].bench
    prompts = [p.prompt(member.subject).plain for p in suite_prompts(member.subject, bench.lists[:1], bench.prompts)]
    photos = [photo.image for photo in load_folder(member.subject.photos)]
    blocks = [comparison_grid([("photos", photos[:ACROSS])], cell_px=CELL_PX)]
    for start in range(0, len(prompts), ACROSS):
        some = slice(start, min(start + ACROSS, len(prompts)))
        blocks.append(
            comparison_grid([(one.variant.label, cells[some]) for one, cells in rows], prompts[some], CELL_PX)
        )
    sheet = Image.new("RGB", (max(b.width for b in blocks), sum(b.height for b in blocks)), PAPER)
    for place, block in enumerate(blocks):
        sheet.paste(block, (0, sum(b.height for b in blocks[:place])))
    return sheet


def _read(file: Path) -> Image.Image:
    with Image.open(file) as image:
        return image.convert("RGB")
