"""One photo file to one upright RGB picture, or a reason why not."""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path

from PIL import ExifTags, Image, ImageCms

from staytrue.errors import ImageError

FORMATS = ("JPEG", "PNG", "WEBP")
MIN_SIDE_PX = 32
MAX_PIXELS = 120_000_000
ALPHA_COLOR = "white"
# what Pillow raises itself, and passes over in a JPEG alone
UNREADABLE_EXIF = (struct.error, KeyError, OSError, SyntaxError, TypeError, ValueError)
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(path: Path, alpha_color: str = ALPHA_COLOR) -> Image.Image:
    """The photo as people see it: EXIF orientation applied, transparency flattened, sRGB.

    Args:
        path: a jpg, png or webp file.
        alpha_color: what shows through transparent parts.

    Returns:
        An RGB picture without metadata.

    Raises:
        ImageError: the file is broken, animated, tiny or huge. The message lacks the file's name: the caller has it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MAX_PIXELS is checked instead
            warnings.filterwarnings("ignore", "Corrupt EXIF data", UserWarning)
            with Image.open(path, formats=FORMATS) as image:
                _refuse(image)
                image.load()
                return _flatten(_srgb(_upright(image)), alpha_color)
    except Image.DecompressionBombError as error:
        raise ImageError(_too_large("far more")) from error
    except Image.UnidentifiedImageError as error:
        raise ImageError("is broken or not a jpg, png or webp picture; export it again, or remove it") from error
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise ImageError(f"is broken ({error}); copy or export it again, or remove it") from error


def _refuse(image: Image.Image) -> None:
    """Raises for what the header alone rules out, before any pixel is decoded."""
    (width, height), frames = image.size, getattr(image, "n_frames", 1)
    # phones store a second view in the same jpg (MPO): several frames, but no animation
    if image.format != "MPO" and frames > 1:
        raise ImageError(f"is animated ({frames} frames); save the one frame you want as jpg or png")
    if min(width, height) < MIN_SIDE_PX:
        raise ImageError(
            f"is {width} x {height} px; the shorter side needs at least {MIN_SIDE_PX}: use a larger version"
        )
    if width * height > MAX_PIXELS:
        raise ImageError(_too_large(f"{width} x {height}"))


def _too_large(size: str) -> str:
    return (
        f"has {size} pixels, over the limit of {MAX_PIXELS // 10**6} million; scale it down (1024 px a side is plenty)"
    )


def _upright(image: Image.Image) -> Image.Image:
    """Turned as EXIF's orientation asks. Other tags are not read: some cameras and editors write odd ones."""
    try:
        turn = UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except UNREADABLE_EXIF:
        return image  # viewers show such a photo as it is stored, so do we
    return image if turn is None else image.transpose(turn)


def _srgb(image: Image.Image) -> Image.Image:
    """Wide-gamut photos (Display P3, Adobe RGB) in sRGB, which is what every model was trained on."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return image
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode) or image
    except (ImageCms.PyCMSError, OSError):
        return image  # a profile no color engine reads: viewers show such a photo as sRGB, so do we


def _flatten(image: Image.Image, alpha_color: str) -> Image.Image:
    if image.mode.startswith(("I", "F")):  # 16 bits a channel; PIL's own conversion would clip to white
        return _from_16_bit(image)
    if not image.has_transparency_data:
        return _bare(image.convert("RGB"))
    rgba = image.convert("RGBA")
    ground = Image.new("RGBA", rgba.size, alpha_color)
    return Image.alpha_composite(ground, rgba).convert("RGB")


def _from_16_bit(image: Image.Image) -> Image.Image:
    import numpy as np

    eight = np.asarray(image).astype(np.float64) / 257
    return Image.fromarray(eight.round().clip(0, 255).astype(np.uint8)).convert("RGB")


def _bare(image: Image.Image) -> Image.Image:
    """Without EXIF and profile, which no longer hold."""
    image.info.clear()
    return image
