"""The picture of embeddings: photos, the same with random noise, and cleaned ones, on two axes."""

from __future__ import annotations

from html import escape

import numpy as np
from jaxtyping import Float

SIDE, MARGIN = 420, 36
COLORS = {"photo": "#0f766e", "with random noise": "#8a94a0", "cleaned": "#c2622d"}
Rows = Float[np.ndarray, "rows width"]


def two_axes(rows: Rows) -> Float[np.ndarray, "rows 2"]:
    """Coordinates on the two directions in which the rows differ most (truncated SVD of the centered rows)."""
    centered = rows - rows.mean(axis=0)
    left, values, _ = np.linalg.svd(centered, full_matrices=False)
    both = left[:, :2] * values[:2]
    return both if both.shape[1] == 2 else np.column_stack([both, np.zeros(len(rows))])


def embedding_svg(groups: dict[str, Rows], names: list[str]) -> str:
    """Dots by group, photos numbered, a thin line from each photo to its other versions.

    DiffShortcut (arXiv 2406.18944, section 3) draws clean, perturbed and purified pictures this way, by t-SNE, truncated SVD and
    UMAP; here by SVD alone, which has no setting to tune and keeps distances.

    Args:
        groups: embeddings by kind of picture, keys of ``COLORS``, each in the order of ``names``.
        names: of the photos.
    """
    places = _scaled(two_axes(np.concatenate(list(groups.values()))))
    parts = [f'<rect width="{SIDE}" height="{SIDE}" fill="#ffffff"/>']
    by_group, start = {}, 0
    for kind, rows in groups.items():
        by_group[kind] = places[start : start + len(rows)]
        start += len(rows)
    photos = next(iter(by_group.values()))
    for kind, dots in by_group.items():
        for i, (x, y) in enumerate(dots):
            x0, y0 = photos[i]
            parts.append(f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x:.1f}" y2="{y:.1f}" stroke="#e3e6ea"/>')
            title = f"<title>{escape(names[i])}: {kind}</title>"
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{COLORS[kind]}">{title}</circle>')
            if kind == next(iter(by_group)):
                parts.append(f'<text x="{x + 7:.1f}" y="{y + 4:.1f}" font-size="12">{i + 1}</text>')
    for i, kind in enumerate(by_group):
        y = 16 + 16 * i
        parts.append(f'<circle cx="12" cy="{y - 4}" r="5" fill="{COLORS[kind]}"/>')
        parts.append(f'<text x="22" y="{y}" font-size="12">{kind}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}" width="{SIDE}" height="{SIDE}"'
    return f'{head} font-family="sans-serif" fill="#1d2126">{"".join(parts)}</svg>\n'


def _scaled(places: Float[np.ndarray, "rows 2"]) -> Float[np.ndarray, "rows 2"]:
    """One scale for both axes, the middle in the middle."""
    low, high = places.min(axis=0), places.max(axis=0)
    reach = max(float((high - low).max()), 1e-9)
    return (places - (low + high) / 2) / reach * (SIDE - 2 * MARGIN) + SIDE / 2
