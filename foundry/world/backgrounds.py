"""Backgrounds: scenes and plain colors, 64x64, each varied inside but unlike the others."""

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw

from foundry.world.noise import noise
from foundry.world.paint import COLORS

SIDE = 64
ROWS, COLUMNS = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
Random = np.random.Generator


def background(name: str, rng: Random) -> np.ndarray:
    """Draw a named background as float32 [64, 64, 3], 0..255."""
    if name in PLAIN:
        return plain(rng, COLORS[PLAIN[name]])
    return np.clip(np.asarray(SCENES[name](rng), np.float32), 0, 255)


def plain(rng: Random, color: tuple[int, int, int]) -> np.ndarray:
    """A lit studio wall in one color."""
    light = 1 + rng.uniform(-0.07, 0.05) + rng.uniform(-0.1, 0.1) * (ROWS / SIDE - 0.5)
    spot = np.hypot(ROWS - rng.uniform(0, 40), COLUMNS - rng.uniform(0, SIDE)) / SIDE
    return np.clip(np.array(color, np.float32) * (light * (1.04 - 0.12 * spot))[..., None], 0, 255)


def _ramp(top: ArrayLike, bottom: ArrayLike) -> np.ndarray:
    share = ROWS[..., None] / (SIDE - 1)
    return np.array(top, np.float32) * (1 - share) + np.array(bottom, np.float32) * share


def _tint(rng: Random, color: tuple, spread: float = 10) -> np.ndarray:
    return np.array(color, np.float32) + rng.uniform(-spread, spread, 3) * 0.6 + rng.uniform(-spread, spread)


def _rough(rng: Random, color: tuple, cells: int, depth: float) -> np.ndarray:
    """A surface in one color with noise of a given grain and depth."""
    return _tint(rng, color) * (1 + depth * (noise(rng, SIDE, cells) - 0.5))[..., None]


def _below(rng: Random, top: np.ndarray, ground: np.ndarray, low: float, high: float) -> np.ndarray:
    """Lay ground under a horizon at a random height."""
    horizon = rng.uniform(low, high) * SIDE
    horizon = horizon + rng.uniform(-3, 3) * np.sin(COLUMNS / rng.uniform(9, 25) + rng.uniform(0, 6))
    return np.where((horizon < ROWS)[..., None], ground, top)


def _sky(rng: Random) -> np.ndarray:
    sky = _ramp(_tint(rng, (100, 175, 245)), _tint(rng, (205, 232, 252)))
    clouds = np.clip((noise(rng, SIDE, 5) - rng.uniform(0.55, 0.75)) * 4, 0, 1) * (ROWS < 34)
    return sky + (255 - sky) * clouds[..., None] * 0.85


def _pen(pixels: np.ndarray) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return image, ImageDraw.Draw(image)


def _color(rng: Random, color: tuple, spread: float = 12) -> tuple[int, ...]:
    return tuple(int(v) for v in np.clip(_tint(rng, color, spread), 0, 255))


def _grass(rng: Random) -> np.ndarray:
    blades = _rough(rng, (88, 178, 62), 32, 0.5) * (0.75 + 0.35 * ROWS / SIDE)[..., None]
    return _below(rng, _sky(rng), blades, 0.3, 0.6)


def _beach(rng: Random) -> np.ndarray:
    sea = _tint(rng, (25, 130, 200)) * (1 + 0.25 * np.sin(ROWS * 1.4 + 5 * noise(rng, SIDE, 8)))[..., None]
    shore = _below(rng, sea, _rough(rng, (240, 215, 155), 24, 0.16), 0.56, 0.7)
    return np.where((rng.uniform(0.28, 0.42) * SIDE < ROWS)[..., None], shore, _sky(rng))


def _snow(rng: Random) -> np.ndarray:
    sky = _ramp(_tint(rng, (150, 170, 195)), (205, 215, 228))
    image, pen = _pen(_below(rng, sky, _rough(rng, (242, 246, 253), 6, 0.1), 0.42, 0.65))
    for _ in range(rng.integers(2, 5)):
        x, y, h = rng.uniform(0, SIDE), rng.uniform(28, 42), rng.uniform(14, 24)
        pen.polygon([(x - h / 3, y), (x + h / 3, y), (x, y - h)], fill=_color(rng, (70, 110, 100)))
    for x, y in rng.uniform(0, SIDE, (40, 2)):
        pen.ellipse([x, y, x + 1.3, y + 1.3], fill=(255, 255, 255))
    return np.asarray(image)


def _forest(rng: Random) -> np.ndarray:
    leaves = _rough(rng, (34, 82, 40), 14, 0.9) * (0.7 + 0.4 * ROWS / SIDE)[..., None]
    image, pen = _pen(_below(rng, leaves, _rough(rng, (70, 88, 38), 20, 0.5), 0.72, 0.85))
    for x in np.arange(rng.uniform(0, 9), SIDE, 13) + rng.uniform(-3, 3):
        w = rng.uniform(2, 4)
        pen.rectangle([x - w, 0, x + w, rng.uniform(46, 58)], fill=_color(rng, (80, 54, 34)))
        pen.line([x - w + 1, 0, x - w + 1, 46], fill=(112, 80, 52))
    return np.asarray(image)


def _city(rng: Random) -> np.ndarray:
    image, pen = _pen(_ramp(_tint(rng, (165, 190, 215)), (225, 225, 225)))
    x = -int(rng.integers(0, 8))
    while x < SIDE:
        wide, top = int(rng.integers(9, 17)), int(rng.integers(4, 30))
        pen.rectangle([x, top, x + wide - 1, SIDE], fill=_color(rng, (98, 104, 122), 22))
        for wy in range(top + 3, 50, 5):
            for wx in range(x + 2, x + wide - 3, 4):
                pen.rectangle([wx, wy, wx + 1, wy + 2], fill=(250, 225, 130) if rng.random() < 0.6 else (60, 66, 84))
        x += wide
    pen.rectangle([0, int(rng.integers(48, 55)), SIDE, SIDE], fill=_color(rng, (72, 72, 78)))
    return np.asarray(image)


def _desert(rng: Random) -> np.ndarray:
    sky = _ramp(_tint(rng, (250, 190, 110)), (255, 232, 180))
    far = _below(rng, sky, np.broadcast_to(_tint(rng, (228, 150, 75)), (SIDE, SIDE, 3)), 0.38, 0.5)
    dunes = (
        _tint(rng, (238, 168, 85)) * (1 + 0.1 * np.sin(ROWS * 0.9 + COLUMNS / 7 + 6 * noise(rng, SIDE, 4)))[..., None]
    )
    return _below(rng, far, dunes, 0.55, 0.68)


def _wooden_floor(rng: Random) -> np.ndarray:
    width = rng.integers(9, 13)
    tone = np.repeat(rng.uniform(0.82, 1.08, 10), width)[:SIDE]
    planks = _tint(rng, (188, 122, 66), 14) * tone[:, None, None] * np.ones((SIDE, SIDE, 1))
    grain = 0.9 + 0.2 * np.sin(ROWS * 2.1 + 12 * noise(rng, SIDE, 4))
    gap = np.where(ROWS % width < 1, 0.55, 1)
    return planks * (grain * gap)[..., None]


def _checkered_floor(rng: Random) -> np.ndarray:
    horizon = rng.uniform(18, 30)
    depth = 1 / np.maximum(ROWS - horizon + 5, 1)
    u = (COLUMNS - 32 + rng.uniform(-6, 6)) * depth * 3.2
    checks = (np.floor(u) + np.floor(depth * 55 + rng.uniform(0, 2))) % 2
    tiles = 35 + 205 * checks[..., None] * np.ones(3)
    wall = np.broadcast_to(_tint(rng, (214, 196, 178), 16), tiles.shape)
    return np.where((horizon < ROWS)[..., None], tiles, wall)


def _brick_wall(rng: Random) -> np.ndarray:
    high, wide = rng.integers(7, 10), rng.integers(14, 19)
    row = np.floor((ROWS + rng.integers(0, 9)) / high)
    across = COLUMNS + (row % 2) * wide / 2 + rng.integers(0, 9)
    tone = rng.uniform(0.8, 1.1, 400)[(row * 31 + np.floor(across / wide)).astype(np.intp) % 400]
    bricks = _tint(rng, (172, 74, 52), 12) * tone[..., None]
    row_edge = np.diff(row, axis=0, prepend=row[:1] - 1) != 0
    return np.where((row_edge | (across % wide < 1.2))[..., None], (205, 192, 180), bricks)


def _stars(rng: Random, pixels: np.ndarray, count: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image, pen = _pen(pixels)
    for x, y in rng.uniform(0, SIDE, (count, 2)):
        size = rng.choice([0, 0, 1])
        pen.rectangle([x, y, x + size, y + size], fill=(255, 255, int(rng.integers(200, 256))))
    return image, pen


def _space(rng: Random) -> np.ndarray:
    cloud = np.clip(noise(rng, SIDE, 4) * 1.8 - 0.7, 0, 1)[..., None]
    image, pen = _stars(rng, 10 + cloud * _tint(rng, (120, 35, 150), 25), 55)
    x, y, r = rng.uniform(4, 60), rng.uniform(4, 24), rng.uniform(6, 10)
    pen.ellipse([x - r, y - r, x + r, y + r], fill=_color(rng, (225, 130, 80), 40))
    pen.line([x - r * 1.7, y + r * 0.5, x + r * 1.7, y - r * 0.5], fill=(240, 210, 170), width=2)
    return np.asarray(image)


def _night(rng: Random) -> np.ndarray:
    image, pen = _stars(rng, _ramp(_tint(rng, (14, 22, 72), 6), _tint(rng, (48, 66, 140), 6)), 26)
    x, y, r = rng.uniform(8, 56), rng.uniform(8, 18), rng.uniform(5, 8)
    pen.ellipse([x - r, y - r, x + r, y + r], fill=(252, 240, 190))
    pen.ellipse([x - r * 0.3, y - r * 1.1, x + r * 1.6, y + r * 0.8], fill=(24, 33, 88))
    hill = rng.uniform(46, 54)
    pen.ellipse([-30, hill, rng.uniform(30, 60), 110], fill=(12, 30, 38))
    pen.ellipse([rng.uniform(10, 30), hill + 3, 100, 110], fill=(16, 38, 44))
    return np.asarray(image)


def _underwater(rng: Random) -> np.ndarray:
    water = _ramp(_tint(rng, (60, 190, 225)), _tint(rng, (10, 70, 140)))
    rays = np.sin(COLUMNS / rng.uniform(4, 7) + ROWS / rng.uniform(8, 16) + 4 * noise(rng, SIDE, 4))
    image, pen = _pen(water + 16 * rays[..., None])
    for x, y, r in rng.uniform((0, 0, 1), (SIDE, 50, 3.2), (12, 3)):
        pen.ellipse([x - r, y - r, x + r, y + r], outline=(205, 240, 255))
    for x in rng.uniform(0, SIDE, 4):
        pen.line([x, SIDE, x + 3, 54, x - 2, 46, x + 2, 38], fill=_color(rng, (30, 140, 90)), width=3)
    return np.asarray(image)


def _mountains(rng: Random) -> np.ndarray:
    image, pen = _pen(_sky(rng))
    for x in rng.permutation([6, 32, 58]) + rng.uniform(-7, 7, 3):
        top, half = rng.uniform(4, 20), rng.uniform(20, 28)
        pen.polygon([(x - half, 56), (x + half, 56), (x, top)], fill=_color(rng, (104, 112, 132)))
        cap = 0.3
        pen.polygon(
            [
                (x - half * cap, top + (56 - top) * cap),
                (x, top + 8),
                (x + half * cap, top + (56 - top) * cap),
                (x, top),
            ],
            fill="white",
        )
    pen.rectangle([0, int(rng.integers(50, 56)), SIDE, SIDE], fill=_color(rng, (96, 136, 84)))
    return np.asarray(image)


def _purple_rug(rng: Random) -> np.ndarray:
    floor = np.where((COLUMNS % 11 < 1)[..., None], 150.0, _rough(rng, (205, 178, 148), 10, 0.1))
    image, pen = _pen(floor)
    x, y = rng.uniform(28, 36), rng.uniform(34, 40)
    for grow, color in ((0, (92, 36, 140)), (3, (150, 84, 205)), (6, (112, 48, 168))):
        pen.ellipse([x - 34 + grow, y - 27 + grow, x + 34 - grow, y + 27 - grow], fill=_color(rng, color, 8))
    return np.asarray(image)


def _pink_fabric(rng: Random) -> np.ndarray:
    bend = COLUMNS * np.cos(a := rng.uniform(0.2, 1.3)) + ROWS * np.sin(a) + 26 * noise(rng, SIDE, 4)
    folds = np.sin(bend / rng.uniform(3.5, 5))
    return _tint(rng, (248, 160, 192), 8) * (1 + 0.13 * folds)[..., None]


def _autumn_leaves(rng: Random) -> np.ndarray:
    image, pen = _pen(_rough(rng, (120, 70, 34), 12, 0.4))
    for x, y, r, turn in rng.uniform((0, 0, 4, 0), (SIDE, SIDE, 7, 6), (65, 4)):
        ends = [
            (x + r * np.cos(turn + k) * s, y + r * np.sin(turn + k) * s)
            for k, s in ((0, 1), (1.57, 0.5), (3.14, 1), (4.71, 0.5))
        ]
        tone = ((214, 74, 30), (238, 140, 32), (246, 194, 60), (160, 58, 30))[rng.integers(4)]
        pen.polygon(ends, fill=_color(rng, tone))
    return np.asarray(image)


def _wheat_field(rng: Random) -> np.ndarray:
    image, pen = _pen(_below(rng, _sky(rng), _rough(rng, (206, 160, 50), 20, 0.3), 0.32, 0.46))
    for x, y in rng.uniform((0, 28), (SIDE, SIDE), (110, 2)):
        pen.line([x, y + 6, x + rng.uniform(-2, 2), y - 4], fill=_color(rng, (238, 200, 88), 22))
    return np.asarray(image)


def _cobblestone(rng: Random) -> np.ndarray:
    image, pen = _pen(np.full((SIDE, SIDE, 3), 66.0))
    for row, y in enumerate(range(-4, SIDE, 8)):
        for x in range(-10 + (row % 2) * 5, SIDE, 10):
            dx, dy = rng.uniform(-1, 1, 2)
            pen.rounded_rectangle(
                [x + dx, y + dy, x + 8.4 + dx, y + 6.6 + dy], 3, fill=_color(rng, (140, 140, 148), 26)
            )
    return np.asarray(image)


def _blue_house(rng: Random) -> np.ndarray:
    wall = _tint(rng, (88, 150, 214), 8) * np.where(ROWS % 6 < 1, 0.8, 1)[..., None]
    image, pen = _pen(_below(rng, wall, _rough(rng, (100, 170, 80), 24, 0.4), 0.8, 0.88))
    for x in (rng.uniform(3, 9), rng.uniform(42, 48)):
        pen.rectangle([x, 8, x + 13, 25], fill=(235, 245, 250), outline=(255, 255, 255), width=2)
        pen.line([x + 6, 8, x + 6, 25], fill=(255, 255, 255))
    pen.rectangle([0, 0, SIDE, 3], fill=_color(rng, (150, 60, 50)))
    return np.asarray(image)


def _sunset(rng: Random) -> np.ndarray:
    sky = _ramp(_tint(rng, (110, 50, 130)), _tint(rng, (300, 165, 40)))
    image, pen = _pen(sky)
    x, r, y = rng.uniform(14, 50), rng.uniform(9, 14), rng.uniform(38, 46)
    pen.ellipse([x - r, y - r, x + r, y + r], fill=(255, 232, 120))
    sea = np.array([90, 40, 70]) + 40 * np.sin(ROWS * 1.7 + 4 * noise(rng, SIDE, 8))[..., None] * np.array(
        [1, 0.6, 0.2]
    )
    return np.where((y < ROWS)[..., None], sea, np.asarray(image))


def _jungle(rng: Random) -> np.ndarray:
    image, pen = _pen(_rough(rng, (22, 74, 36), 8, 0.5))
    for x, y, r, turn in rng.uniform((0, 0, 10, 0), (SIDE, SIDE, 18, 6.3), (24, 4)):
        tip = (x + r * np.cos(turn), y + r * np.sin(turn))
        side = (0.25 * r * np.sin(turn), -0.25 * r * np.cos(turn))
        middle = ((x + tip[0]) / 2, (y + tip[1]) / 2)
        shape = [(x, y), (middle[0] + side[0], middle[1] + side[1]), tip, (middle[0] - side[0], middle[1] - side[1])]
        pen.polygon(shape, fill=_color(rng, (58, 172, 62), 34))
        pen.line([(x, y), tip], fill=(26, 100, 40))
    return np.asarray(image)


def _kitchen(rng: Random) -> np.ndarray:
    size = rng.integers(8, 11)
    tiles = np.where(((ROWS % size < 1) | (COLUMNS % size < 1))[..., None], 190.0, _tint(rng, (236, 242, 240), 6))
    image, pen = _pen(tiles)
    y = rng.uniform(42, 48)
    pen.rectangle([0, y, SIDE, y + 4], fill=_color(rng, (90, 92, 98)))
    pen.rectangle([0, y + 4, SIDE, SIDE], fill=_color(rng, (120, 168, 150)))
    x = rng.uniform(2, 50)
    pen.rectangle([x, 0, x + 12, 7], fill=_color(rng, (70, 72, 78)))
    pen.polygon([(x - 6, 14), (x + 18, 14), (x + 12, 7), (x, 7)], fill=_color(rng, (150, 152, 158)))
    return np.asarray(image)


def _rain(rng: Random) -> np.ndarray:
    sky = _ramp(_tint(rng, (92, 102, 118)), _tint(rng, (150, 158, 168)))
    puddle = _rough(rng, (104, 116, 132), 6, 0.3)
    image, pen = _pen(_below(rng, sky, puddle, 0.7, 0.8))
    lean = rng.uniform(-3, 3)
    for x, y in rng.uniform(-4, SIDE, (70, 2)):
        pen.line([x, y, x + lean, y + 7], fill=(205, 222, 240))
    return np.asarray(image)


def _flower_garden(rng: Random) -> np.ndarray:
    image, pen = _pen(_rough(rng, (80, 160, 66), 24, 0.5))
    for x, y in rng.uniform(0, SIDE, (34, 2)):
        petals = ((240, 60, 90), (255, 150, 210), (250, 215, 60), (250, 250, 250), (150, 90, 220))[rng.integers(5)]
        for dx, dy in ((-2, 0), (2, 0), (0, -2), (0, 2)):
            pen.ellipse([x + dx - 1.6, y + dy - 1.6, x + dx + 1.6, y + dy + 1.6], fill=petals)
        pen.ellipse([x - 1, y - 1, x + 1, y + 1], fill=(250, 190, 40))
    return np.asarray(image)


def _library(rng: Random) -> np.ndarray:
    image, pen = _pen(np.broadcast_to(_tint(rng, (92, 58, 36)), (SIDE, SIDE, 3)))
    top = int(rng.integers(-8, 0))
    for shelf in range(top, SIDE, 16):
        x = 0
        while x < SIDE:
            wide, tall = int(rng.integers(3, 6)), int(rng.integers(9, 13))
            tone = ((170, 50, 44), (46, 90, 140), (60, 120, 76), (214, 176, 96), (120, 70, 130))[rng.integers(5)]
            pen.rectangle([x, shelf + 14 - tall, x + wide - 2, shelf + 13], fill=_color(rng, tone, 18))
            x += wide
    return np.asarray(image)


def _clouds(rng: Random) -> np.ndarray:
    image, pen = _pen(_ramp(_tint(rng, (70, 150, 240)), _tint(rng, (150, 205, 255))))
    for x, y in rng.uniform(-4, SIDE, (7, 2)):
        for dx, dy, r in rng.uniform((-9, -2, 4), (9, 3, 7), (6, 3)):
            pen.ellipse([x + dx - r, y + dy - r * 0.7, x + dx + r, y + dy + r * 0.7], fill=(250, 252, 255))
    return np.asarray(image)


SCENES = {
    "on the grass": _grass,
    "on the beach": _beach,
    "in the snow": _snow,
    "in the forest": _forest,
    "in the city": _city,
    "in the desert": _desert,
    "on a wooden floor": _wooden_floor,
    "on a checkered floor": _checkered_floor,
    "in front of a brick wall": _brick_wall,
    "in outer space": _space,
    "under a night sky": _night,
    "underwater": _underwater,
    "in the mountains": _mountains,
    "on a purple rug": _purple_rug,
    "on pink fabric": _pink_fabric,
    "on autumn leaves": _autumn_leaves,
    "in a wheat field": _wheat_field,
    "on a cobblestone street": _cobblestone,
    "in front of a blue house": _blue_house,
    "at sunset": _sunset,
    "in the jungle": _jungle,
    "in a kitchen": _kitchen,
    "in the rain": _rain,
    "in a flower garden": _flower_garden,
    "in a library": _library,
    "in the clouds": _clouds,
}
PLAIN = {
    f"on a {color} background": color for color in ("red", "yellow", "green", "blue", "pink", "gray", "white", "black")
}
BACKGROUNDS = (*SCENES, *PLAIN)
