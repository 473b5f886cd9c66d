"""Quality by CLIP's good and bad words: which pictures and texts it asks, and that worse pictures score less."""

import numpy as np
import torch
from PIL import Image

from staytrue.backbones import SD
from staytrue.bench.quality import BAD, DEGRADED, GOOD, PHOTOS_EACH, calibration, margins, quality
from staytrue.purify.inspection.pixels import noise_level


class Eye:
    """A CLIP of two directions, clean and spoiled: pictures lie by how much their neighboring pixels differ."""

    def images(self, images):
        rows = []
        for image in images:
            rough = min(noise_level(image) / 20, 1.0)
            rows.append([np.cos(rough), np.sin(rough)])
        return torch.tensor(np.array(rows))

    def texts(self, texts):
        self.asked = getattr(self, "asked", []) + texts
        bad = ("noisy", "blurry", "low quality", "jpeg")
        return torch.tensor([[0.0, 1.0] if any(w in t for w in bad) else [1.0, 0.0] for t in texts])


def test_margins_are_cosines_to_good_less_those_to_bad():
    eye, flat = Eye(), Image.new("RGB", (64, 64), "gray")
    assert margins(eye, [flat], "dog") == 1 - 0
    assert eye.asked == [t.format("a dog") for t in (*GOOD, *BAD)]


def test_noise_scores_less_than_a_clean_photo_and_calibration_is_counted():
    eye = Eye()
    seen = calibration(eye)
    assert seen.photos == 10 * PHOTOS_EACH
    assert calibration(eye) is seen  # once for each CLIP
    flat = Image.new("RGB", (64, 64), "gray")
    noisy = DEGRADED[0](flat)
    found = quality(eye, [flat, noisy], "dog", seen if seen.auc >= 0.75 else type(seen)(1.0, 0.0, 1.0, 20))
    assert 0 < found[1] < 0.5 < found[0] < 1


def test_every_degradation_keeps_the_size_and_spoils():
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8))
    for bad in DEGRADED:
        spoiled = bad(image)
        assert (spoiled.size, spoiled.mode) == (image.size, "RGB")
        assert np.abs(np.asarray(spoiled).astype(int) - np.asarray(image)).mean() > 3
        assert bad(image).tobytes() == spoiled.tobytes()  # the same every time


def test_the_words_are_the_miniatures():
    known = SD().facts().vocabulary
    assert not {w.strip(",") for t in (*GOOD, *BAD) for w in t.format("a dog").split()} - known
