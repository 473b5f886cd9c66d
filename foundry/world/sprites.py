"""Sprites: icons rasterized once at 96 px, cached as one array."""

import io
from functools import cache

import numpy as np
import resvg_py
from PIL import Image

from foundry.sources import BUILD, SOURCES, codepoints, fetch, icon_set, read_member
from foundry.world.nouns import all_emoji, is_held_out

SIDE = 96
CACHE = BUILD / "sprites" / f"sprites-{SIDE}.npz"
RENDERINGS = ("fluent", "flat", "3d")


def build() -> None:
    """Rasterize every icon of the world into the cache."""
    fetch()
    drawn = {f"{family}/{emoji}": _draw(family, emoji) for emoji in all_emoji() for family in SOURCES}
    drawn = {key: sprite for key, sprite in drawn.items() if sprite is not None}
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    part = CACHE.with_suffix(".part.npz")
    np.savez_compressed(part, keys=np.array(list(drawn)), pixels=np.stack(list(drawn.values())))
    part.rename(CACHE)


@cache
def _all() -> dict[str, np.ndarray]:
    if not CACHE.exists():
        build()
    with np.load(CACHE) as file:
        pixels = file["pixels"]
        return {str(key): pixels[i] for i, key in enumerate(file["keys"])}


def sprite(key: str) -> np.ndarray:
    """RGBA pixels, uint8 [96, 96, 4], of `family/emoji`, held out or not."""
    return _all()[key]


@cache
def world_sprites() -> tuple[str, ...]:
    """Keys that training pictures may show."""
    return tuple(key for key in _all() if not is_held_out(*key.split("/")))


@cache
def drawings(emoji: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """World sprites of some emoji, grouped by design (Fluent's renderings are one design)."""
    designs: dict[str, list[str]] = {}
    for key in world_sprites():
        if key.split("/")[1] in emoji:
            designs.setdefault(design_of(key), []).append(key)
    return tuple(tuple(keys) for keys in designs.values())


def design_of(key: str) -> str:
    """The design a sprite renders, such as `fluent-dog`."""
    family, emoji = key.split("/")
    return f"{'fluent' if family in RENDERINGS else family}-{emoji}"


def _draw(family: str, emoji: str) -> np.ndarray | None:
    try:
        image = _webp(emoji) if family == "3d" else _svg(family, emoji)
    except KeyError:
        return None
    return np.asarray(_fit(image))


def _svg(family: str, emoji: str) -> Image.Image:
    icons = icon_set(family)
    name = icons.get("aliases", {}).get(emoji, {}).get("parent", emoji)
    body = icons["icons"][name]["body"]
    box = f"0 0 {icons['width']} {icons['height']}"
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{box}">'
    png = resvg_py.svg_to_bytes(svg_string=f"{svg}{body}</svg>", width=256, height=256)
    return Image.open(io.BytesIO(bytes(png))).convert("RGBA")


def _webp(emoji: str) -> Image.Image:
    code = codepoints()[emoji]
    for name in (code, f"{code}-fe0f"):
        try:
            data = read_member("3d", f"package/assets/{name}.webp")
        except KeyError:
            continue
        return Image.open(io.BytesIO(data)).convert("RGBA")
    raise KeyError(emoji)


def _fit(image: Image.Image) -> Image.Image:
    """Crop to the drawing and center it, as large as fits, on a clear square."""
    image = image.crop(image.getchannel("A").point(lambda a: 255 * (a > 12)).getbbox())
    scale = SIDE / max(image.size)
    size = [max(1, round(side * scale)) for side in image.size]
    square = Image.new("RGBA", (SIDE, SIDE))
    image = image.convert("RGBa").resize(size, Image.Resampling.LANCZOS, reducing_gap=3).convert("RGBA")
    square.paste(image, ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
    return square
