from importlib.resources import files
from io import BytesIO
from statistics import median

import numpy as np
import pytest
import skimage.data
from PIL import Image

from staytrue.encoders.world import FLAT, flatness, require_drawn, require_size
from staytrue.errors import ImageError
from staytrue.images.crop import center_box, fit

TEXTURED, EVEN = ["astronaut", "coffee", "chelsea", "grass"], ["rocket", "camera"]
MINIBENCH = files("staytrue") / "assets" / "minibench"


def photo_like(seed):
    """Noise with the 1/f amplitude spectrum of natural scenes, at 64 px."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.fftfreq(64)[None]) + 1 / 64
    gray = np.fft.ifft2(np.fft.fft2(rng.normal(size=(64, 64))) / frequency).real
    pixels = 128 + 50 * (gray - gray.mean()) / gray.std()
    return Image.fromarray(np.repeat(np.clip(pixels, 0, 255).astype(np.uint8)[..., None], 3, axis=2))


def test_flatness_by_hand():
    """A white left half and a black right half.

    Of 64 x 63 pairs across, the 64 at the border differ; down, none does.
    """
    image = Image.new("RGB", (64, 64), "white")
    image.paste("black", (32, 0, 64, 64))
    assert flatness(image) == pytest.approx((2 * 64 * 63 - 64) / (2 * 64 * 63))


def test_every_minibench_subject_is_accepted():
    folders = [s / part for s in MINIBENCH.iterdir() if s.is_dir() for part in ("train", "heldout")]
    photos = {f: [Image.open(file).convert("RGB") for file in f.glob("*.png")] for f in folders}
    assert sum(map(len, photos.values())) == 30 * (5 + 3)
    for found in photos.values():
        require_drawn(found)
    # what the module's docstring says of the margin
    assert min(median(map(flatness, found)) for found in photos.values()) == pytest.approx(0.387, abs=0.001)


def test_photos_are_refused_even_at_the_right_size():
    photos = [photo_like(seed) for seed in range(5)]
    assert max(map(flatness, photos)) < FLAT
    with pytest.raises(ImageError, match="like real photos"):
        require_drawn(photos)


def test_drawn_photos_that_were_compressed_are_not_called_real():
    """Nearly all bundled subjects are refused after ``purify.name=jpeg``."""
    file = BytesIO()
    with Image.open(str(MINIBENCH / "dog6" / "train" / "00.png")) as drawn:
        require_drawn([drawn])
        drawn.convert("RGB").save(file, "JPEG", quality=75)
    with (
        Image.open(file) as compressed,
        pytest.raises(ImageError, match="or like drawn ones that JPEG or noise went over"),
    ):
        require_drawn([compressed])


def real(name):
    """A photo by a camera, from scikit-image's package, and its center square at 64 px as the project crops."""
    photo = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
    return photo, fit(photo, 64, center_box(photo.size))


@pytest.mark.parametrize("name", [*TEXTURED, *EVEN])
def test_real_photos_are_refused_at_their_own_size(name):
    photo, _ = real(name)
    with pytest.raises(ImageError, match=f"{photo.width} x {photo.height}"):
        require_drawn([photo])


def test_real_photos_with_texture_are_refused_at_the_right_size():
    for name in TEXTURED:
        with pytest.raises(ImageError, match="like real photos"):
            require_drawn([real(name)[1]])


def test_what_the_tripwire_lets_through():
    """Photos that are mostly even, sky or backdrop, pass at 64 px: no threshold on flatness parts them from drawings."""
    for name in EVEN:
        require_drawn([real(name)[1]])
    textured, even = ([real(name)[1] for name in names] for names in (TEXTURED, EVEN))
    with pytest.raises(ImageError, match="like real photos"):
        require_drawn([*textured[:3], *even])  # the median decides for a folder


@pytest.mark.parametrize("size", [(65, 64), (512, 512), (32, 32)])
def test_other_sizes_are_refused_not_scaled(size):
    with pytest.raises(ImageError, match=f"{size[0]} x {size[1]}"):
        require_size([Image.new("RGB", (64, 64)), Image.new("RGB", size)])
