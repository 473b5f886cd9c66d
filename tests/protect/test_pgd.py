"""The core: projection, directions, rounding, and what a row may not do to another."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from staytrue.errors import ConfigError, StaytrueError
from staytrue.protect.config import Protect
from staytrue.protect.pgd import PGD, normalized, project, quantized
from staytrue.protect.radius import levels, parse_radius, said
from tests.protect.scenes import RADIUS, make_scene, photos


def scene(**changes):
    return make_scene(None, **changes)


def towards_white(pixels, rows, draw):
    return pixels.sum(dim=(1, 2, 3))


@pytest.mark.parametrize(
    ("written", "value"), [("11/255", 11 / 255), (" 8/255 ", 8 / 255), (0.05, 0.05), ("0.05", 0.05), (1, 1.0)]
)
def test_a_radius_is_read_from_a_fraction_or_a_number(written, value):
    assert parse_radius(written) == pytest.approx(value, abs=1e-12)
    assert Protect(radius=written).radius == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    "written", [0, -1, "-3/255", 11, "11", "300/255", "0/255", "eleven", "11/0", True, None, [1], 1e-5]
)
def test_an_impossible_radius_is_a_config_error(written):
    with pytest.raises(ConfigError, match=r"protect\.radius"):
        Protect(radius=written)


@pytest.mark.parametrize("step", [0, -0.1, "2", "x"])
def test_an_impossible_step_is_a_config_error(step):
    with pytest.raises(ConfigError, match="step"):
        PGD(step=step)
    assert PGD(step="1/510").step == pytest.approx(1 / 510)


@given(whole=st.integers(1, 255))
def test_levels_of_a_fraction_are_exact(whole):
    assert levels(parse_radius(f"{whole}/255")) == whole == levels(whole / 255)
    assert said(whole / 255) == f"{whole}/255"


def test_projection_by_hand():
    """Radius 0.25 around 0.125, 0.5, 0.875: the balls are [0, .375], [.25, .75], [.625, 1]."""
    clean = torch.tensor([0.125, 0.5, 0.875]).view(1, 3, 1, 1)
    for x, expected in [(-1.0, [0.0, 0.25, 0.625]), (2.0, [0.375, 0.75, 1.0]), (0.5, [0.375, 0.5, 0.625])]:
        projected = project(torch.full((1, 3, 1, 1), x), clean, 0.25)
        assert projected.flatten().tolist() == expected
        assert torch.equal(project(projected, clean, 0.25), projected)


def test_directions_by_hand():
    """Gradient (3, -4, 0): root mean square is sqrt(25 / 3), the largest 4. A row of zeros stays zeros."""
    gradient = torch.tensor([[3.0, -4.0, 0.0], [0.0, 0.0, 0.0]]).view(2, 3, 1, 1)
    expected = {
        "sign": [1.0, -1.0, 0.0],
        "l2": [3 / (25 / 3) ** 0.5, -4 / (25 / 3) ** 0.5, 0.0],
        "linf": [0.75, -1.0, 0.0],
    }
    for how, values in expected.items():
        torch.testing.assert_close(normalized(gradient, how)[0].flatten(), torch.tensor(values))
        assert not normalized(gradient, how)[1].any()


@settings(max_examples=40, deadline=None)
@given(allowed=st.integers(1, 60), seed=st.integers(0, 1000), reach=st.floats(0, 2))
def test_rounding_stays_in_the_ball_and_in_eight_bits(allowed, seed, reach):
    clean = torch.randint(0, 256, (2, 3, 4, 4), generator=torch.Generator().manual_seed(seed)).to(torch.uint8)
    x = clean / 255 + reach * (torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(seed + 1)) * 2 - 1)
    made = quantized(x, clean, allowed / 255)
    assert made.dtype == torch.uint8
    assert (made.int() - clean.int()).abs().max() <= allowed
    inside = project(x, clean / 255, allowed / 255)  # what is inside already moves by half a level at most
    assert (quantized(inside, clean, allowed / 255) / 255 - inside).abs().max() <= 0.5 / 255 + 1e-6


def test_rounding_does_not_darken():
    """Truncation would lose half a level on average."""
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    clean = (x * 255).round().to(torch.uint8)
    assert abs(float((quantized(x, clean, 0.5) / 255 - x).mean()) * 255) < 0.02


def test_ascent_reaches_the_edge_and_stops_there():
    here = scene()
    x = PGD(steps=12).ascend(towards_white, here)
    torch.testing.assert_close(x, (here.clean + RADIUS).clamp(max=1))


def test_one_step_by_hand():
    """From c = 0.5 with step 0.1: up where the gradient is positive, down where it is negative."""
    here = scene(clean=torch.full((1, 3, 1, 1), 0.5), radius=0.25)
    direction = torch.tensor([2.0, -7.0, 0.0]).view(1, 3, 1, 1)
    x = PGD(steps=1, step=0.1).ascend(lambda p, rows, draw: (p * direction).sum(dim=(1, 2, 3)), here)
    torch.testing.assert_close(x.flatten(), torch.tensor([0.6, 0.4, 0.5]))


def test_a_row_without_gradient_stays_to_the_bit():
    here = scene()

    def only_the_second(pixels, rows, draw):
        return towards_white(pixels, rows, draw) * torch.tensor([float(row == 1) for row in rows])

    for how in ("sign", "l2", "linf"):
        x = PGD(steps=3, normalization=how).ascend(only_the_second, here)
        assert torch.equal(x[[0, 2]], here.clean[[0, 2]])
        assert not torch.equal(x[1], here.clean[1])


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_a_batch_changes_nothing(batch):
    seen = []

    def noisy(pixels, rows, draw):
        seen.append((tuple(rows), draw))
        weights = torch.stack(
            [torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(97 * draw + r)) for r in rows]
        )
        return (pixels * weights).sum(dim=(1, 2, 3))

    settings = PGD(steps=2, draws=2, random_start=True)
    torch.testing.assert_close(settings.ascend(noisy, scene(batch=batch)), settings.ascend(noisy, scene()))
    assert {draw for _, draw in seen} == {0, 1, 2, 3}


def test_each_turn_draws_anew():
    draws = []

    def watching(pixels, rows, draw):
        draws.append(draw)
        return towards_white(pixels, rows, draw)

    for turn in range(3):
        PGD(steps=2, draws=2).ascend(watching, scene(), turn=turn)
    assert draws == list(range(12))


def test_the_gradient_is_the_mean_over_draws():
    """Draw 0 pulls by +3, draw 1 by -1: together up; with one draw a step, up and then down again."""
    here = scene(clean=torch.full((1, 3, 2, 2), 0.5), radius=0.25)

    def pulled(pixels, rows, draw):
        return towards_white(pixels, rows, draw) * (3.0 if draw % 2 == 0 else -1.0)

    assert PGD(steps=2, step=0.1, draws=2).ascend(pulled, here).mean() == pytest.approx(0.7)
    assert PGD(steps=2, step=0.1).ascend(pulled, here).mean() == pytest.approx(0.5)


def test_every_field_has_an_effect():
    here = scene()
    target = photos(seed=9)

    def loss(pixels, rows, draw):
        return -(pixels - target[rows] - 0.01 * draw).square().sum(dim=(1, 2, 3))

    plain = PGD(steps=3).ascend(loss, here)
    changed = [
        PGD(steps=4),
        PGD(steps=3, step="1/255"),
        PGD(steps=3, normalization="l2"),
        PGD(steps=3, normalization="linf"),
        PGD(steps=3, random_start=True),
        PGD(steps=3, normalization="l2", draws=3),
    ]
    for other in changed:
        assert not torch.equal(other.ascend(loss, here), plain)


def test_a_start_outside_the_ball_is_brought_in_and_a_random_one_is_inside():
    here = scene()
    still = PGD(steps=1, random_start=True).ascend(lambda p, rows, draw: 0 * towards_white(p, rows, draw), here)
    assert 0 < (still - here.clean).abs().max() <= RADIUS + 1e-6
    far = PGD(steps=1).ascend(lambda p, rows, draw: 0 * towards_white(p, rows, draw), here, torch.ones_like(here.clean))
    torch.testing.assert_close(far, (here.clean + RADIUS).clamp(max=1))


def test_a_gradient_that_is_not_finite_is_an_error():
    with pytest.raises(StaytrueError, match="not finite"):
        PGD(steps=1).ascend(lambda p, rows, draw: (p * float("nan")).sum(dim=(1, 2, 3)), scene())


def test_unknown_fields_are_refused():
    with pytest.raises(ValidationError):
        PGD(step_count=3)
