"""What the training of the image tower does to a picture before it sees it."""

import pytest
import torch

from foundry.models import clip
from foundry.models.clip import augment


def noise(count: int = 32):
    """Pictures of only black and white, where anything but a mean of neighbors would leave the range."""
    return 2.0 * torch.randint(2, (count, 3, 16, 16), generator=torch.Generator().manual_seed(0)) - 1


def seeded(pixels, seed: int = 1):
    torch.manual_seed(seed)
    return augment(pixels)


def test_shape_type_and_range_stay():
    pixels = noise()
    found = seeded(pixels)
    assert (found.shape, found.dtype) == (pixels.shape, pixels.dtype)
    assert found.isfinite().all()
    assert found.abs().max() <= 1 + 1e-6


def test_it_depends_on_the_seed_alone_and_leaves_its_input():
    pixels = noise()
    found = seeded(pixels)
    assert torch.equal(found, seeded(pixels))
    assert not torch.equal(found, seeded(pixels, 2))
    assert torch.equal(pixels, noise())


def test_each_picture_has_its_own_chance():
    """Thirty-two times the same picture are thirty-two different ones."""
    found = seeded(noise(1).expand(32, -1, -1, -1))
    assert len({picture.numpy().tobytes() for picture in found}) == 32


def test_about_half_are_mirrored_and_none_upside_down():
    """Bright at the right and at the bottom: of 400, 200 give or take 10 are bright at the left after it."""
    ramp = torch.linspace(-1, 1, 16)
    picture = (ramp[None, :] + 2 * ramp[:, None]) / 3
    found = seeded(picture.expand(400, 3, 16, 16))
    mirrored = found[..., :8].mean((1, 2, 3)) > found[..., 8:].mean((1, 2, 3))
    assert 160 < mirrored.sum() < 240
    assert (found[:, :, 8:].mean((1, 2, 3)) > found[:, :, :8].mean((1, 2, 3))).all()


def test_without_shift_and_scale_a_picture_is_itself_or_its_mirror(monkeypatch):
    monkeypatch.setattr(clip, "SHIFT", 0.0)
    monkeypatch.setattr(clip, "SCALE", 0.0)
    pixels = noise()
    found = seeded(pixels)
    same, flipped = ((found - p).abs().amax((1, 2, 3)) < 1e-4 for p in (pixels, pixels.flip(-1)))
    assert (same ^ flipped).all()
    assert same.any()
    assert flipped.any()


def test_shift_and_scale_reach_their_bounds_and_no_further():
    """A picture of its own coordinates shows where it was read: the slope in its middle is the scale, the value there the shift."""
    at = (2 * torch.arange(16) + 1) / 16 - 1
    places = torch.stack([at.expand(16, 16), at[:, None].expand(16, 16)])
    found = seeded(places.expand(400, -1, -1, -1))
    across, down = found[:, 0, 7, 7:9], found[:, 1, 7:9, 7]
    scale_across, scale_down = ((line[:, 1] - line[:, 0]) * 8 for line in (across, down))
    torch.testing.assert_close(scale_across.abs(), scale_down)  # nothing is stretched
    assert scale_down.min() == pytest.approx(0.8, abs=0.01)
    assert scale_down.max() == pytest.approx(1.2, abs=0.01)
    for line in (across, down):
        assert line.mean(1).min() == pytest.approx(-0.12, abs=0.01)
        assert line.mean(1).max() == pytest.approx(0.12, abs=0.01)
