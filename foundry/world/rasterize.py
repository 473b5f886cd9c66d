"""Rasterizes every icon of the world: `python -m foundry.world.rasterize`."""

import io

import numpy as np
from PIL import Image

from foundry.sources import SOURCES, codepoints, fetch, icon_set, read_member
from foundry.world.nouns import all_emoji
from foundry.world.sprites import CACHE, SIDE, write_list


def build() -> None:
    """Rasterize every icon of the world into the cache, unless it is there, and list what was found in `sprites.txt`."""
    if CACHE.exists():
        return
    fetch()
    tried = {f"{family}/{emoji}": _draw(family, emoji) for emoji in all_emoji() for family in SOURCES}
    drawn = {key: sprite for key, sprite in tried.items() if sprite is not None}
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    part = CACHE.with_suffix(".part.npz")
    np.savez_compressed(part, keys=np.array(list(drawn)), pixels=np.stack(list(drawn.values())))
    part.rename(CACHE)
    write_list(list(drawn))


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
    import resvg_py  # only where sprites are drawn: a machine that was given them needs no icons

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


if __name__ == "__main__":
    build()
