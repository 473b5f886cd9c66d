"""Faces out of a photo, aligned as face networks want them, and back in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageFilter

from staytrue.errors import MissingExtraError

SIDE_PX = 512
# where eyes, nose and corners of the mouth lie in FFHQ's alignment at 512 px
TEMPLATE = np.array([[193.0, 240.0], [319.0, 240.2], [256.6, 314.0], [201.3, 371.4], [313.1, 371.2]])
BORDER_PX = 24

Points = Float[np.ndarray, "5 2"]
Find = Callable[[Image.Image], list[Points]]
INSTALL = "pip install 'staytrue[noncommercial]' (insightface's models: non-commercial research only)"


def with_faces(image: Image.Image, find: Find, restore: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """The photo with every face that is found restored.

    Args:
        image: the photo.
        find: five landmarks of each face, in pixels of the photo.
        restore: an aligned face of 512 px to another.
    """
    for points in find(image):
        to_photo = similarity(TEMPLATE, points)
        aligned = image.transform((SIDE_PX, SIDE_PX), Image.Transform.AFFINE, _flat(to_photo), Image.Resampling.BICUBIC)
        back = _flat(inverse(to_photo))
        face = restore(aligned).transform(image.size, Image.Transform.AFFINE, back, Image.Resampling.BICUBIC)
        mask = _soft_square().transform(image.size, Image.Transform.AFFINE, back, Image.Resampling.BILINEAR)
        image = Image.composite(face, image, mask)
    return image


def similarity(source: Points, target: Points) -> Float[np.ndarray, "2 3"]:
    """The turn, scale and shift (no mirror, no shear) that brings ``source`` nearest to ``target`` in squared distance.

    With points as complex numbers it is one linear regression: target = a source + b.
    """
    s, t = source @ [1, 1j], target @ [1, 1j]
    centered = s - s.mean()
    a = np.vdot(centered, t - t.mean()) / np.vdot(centered, centered)
    b = t.mean() - a * s.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def inverse(affine: Float[np.ndarray, "2 3"]) -> Float[np.ndarray, "2 3"]:
    """The map back."""
    turn = np.linalg.inv(affine[:, :2])
    return np.column_stack([turn, -turn @ affine[:, 2]])


def detector(device: str) -> Find:
    """Insightface's face detector. Raises ``MissingExtraError``."""
    try:
        from insightface.app import FaceAnalysis
    except ImportError as error:
        raise MissingExtraError(f"the purifier code_sr finds faces with insightface: {INSTALL}") from error
    app: Any = FaceAnalysis(allowed_modules=["detection"])
    app.prepare(ctx_id=0 if device.startswith("cuda") else -1, det_size=(640, 640))
    return lambda image: [face.kps for face in app.get(np.asarray(image)[..., ::-1])]


def _soft_square() -> Image.Image:
    inner = SIDE_PX - 2 * BORDER_PX
    square = Image.new("L", (SIDE_PX, SIDE_PX))
    square.paste(255, (BORDER_PX, BORDER_PX, BORDER_PX + inner, BORDER_PX + inner))
    return square.filter(ImageFilter.GaussianBlur(BORDER_PX / 3))


def _flat(affine: Float[np.ndarray, "2 3"]) -> tuple[float, ...]:
    """PIL's order; it maps pixels of the result to pixels of the source."""
    return tuple(float(v) for v in affine.ravel())
