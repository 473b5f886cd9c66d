"""Shapes that change a sprite itself."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter


def cube(pixels: np.ndarray) -> np.ndarray:
    """Wrap a sprite around a cube: its picture in front, its color above and aside."""
    solid = pixels[..., 3] > 128
    color = np.median(pixels[solid][:, :3], 0)
    out = Image.new("RGBA", (96, 96))
    pen = ImageDraw.Draw(out)
    front, above, aside = (
        tuple(int(v) for v in np.clip(color * k + s, 0, 255)) for k, s in ((0.85, 34), (0.7, 76), (0.6, 0))
    )
    pen.polygon([(2, 26), (24, 4), (94, 4), (72, 26)], fill=above)
    pen.polygon([(72, 26), (94, 4), (94, 72), (72, 94)], fill=aside)
    pen.rectangle([2, 26, 72, 94], fill=front)
    pen.line([(2, 26), (72, 26), (72, 94)], fill=aside, width=2)
    picture = Image.fromarray(pixels).resize((66, 66), Image.Resampling.BILINEAR)
    out.paste((255, 255, 255), (4, 27), picture.getchannel("A").filter(ImageFilter.MaxFilter(5)))
    out.paste(picture, (4, 27), picture)
    return np.asarray(out)
