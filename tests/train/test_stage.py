"""A whole training of the tiny model: what it checks, what it writes, what its settings do."""

import shutil

import pytest
import torch
from diffusers import StableDiffusionPipeline
from diffusers.models.resnet import ResnetBlock2D
from safetensors.torch import load_file, save_file

from staytrue.adapters import Full, Lora
from staytrue.backbones import SD
from staytrue.errors import ConfigError, ImageError, StaytrueError
from staytrue.generate.sampling import Sampling
from staytrue.objectives import Denoising
from staytrue.runs import read_jsonl
from staytrue.train.config import Previews, Train, Weighted
from staytrue.train.stage import train_stage
from tests.tiny import tiny_sd
from tests.train.runs import SUBJECT, make_run, small, trained, weights

ONLY_SUBJECT = {"subject": Weighted(objective=Denoising())}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16)


def same(one, two, **tolerance):
    if tolerance:
        return all(torch.allclose(one[name], two[name], **tolerance) for name in one)
    return all(torch.equal(one[name], two[name]) for name in one)


def test_full_training_leaves_a_pipeline_a_card_a_curve_and_previews(tmp_path, folder, monkeypatch):
    previews = Previews(every="3 steps", prompts=("a {} on the beach",), seeds=(1,), sampling=Sampling(steps=2))
    run = trained(tmp_path, folder, adapter=Full(), previews=previews)
    pipeline = StableDiffusionPipeline.from_pretrained(run.model)
    assert pipeline("a olis dog", num_inference_steps=1, output_type="np").images.shape == (1, 16, 16, 3)
    card = (run.model / "README.md").read_text()
    assert "olis dog" in card
    assert "StableDiffusionPipeline.from_pretrained" in card
    assert str(SUBJECT.photos) not in card
    rows = read_jsonl(run.training / "curve.jsonl")
    assert [row["step"] for row in rows] == [2, 4, 6]
    assert all(row["subject"] > 0 and row["class"] > 0 for row in rows)
    assert sorted(p.name for p in (run.training / "previews").iterdir()) == ["step-000003.png", "step-000006.png"]
    assert list((run.training / "tensorboard").glob("events*"))
    before = SD(path=str(folder)).load()
    after = SD(path=str(run.model)).load()
    assert not same(before.unet.state_dict(), after.unet.state_dict())
    assert same(before.text_encoder.state_dict(), after.text_encoder.state_dict())
    assert same(before.vae.state_dict(), after.vae.state_dict())


def test_what_the_text_encoder_cuts_off_a_caption_is_said(tmp_path, folder):
    """Captions by hand or by a large model are long, and what they end with goes first: 30 tokens are read here."""
    fits, ending = " ".join(["red"] * 22), "on the beach"
    with pytest.warns(UserWarning, match=r"reads 30 tokens; 1 of 2 captions .* does not learn 'on the beach'"):
        trained(tmp_path, folder, steps=1, subject_suffix=f"{fits} {ending}")


def test_a_model_taken_away_is_not_trained_again(tmp_path, folder):
    run = trained(tmp_path, folder)
    (run.training / "latents.safetensors").unlink()
    shutil.rmtree(run.model)
    assert not train_stage(run, small(), [SUBJECT], SD(path=str(folder)), 3)


def test_an_autoencoder_that_changed_encodes_anew(tmp_path, folder):
    """The checkpoint at a path may be another one tomorrow; what the old one made of the crops lies in the run."""
    changing = tmp_path / "sd"
    shutil.copytree(folder, changing)
    run = trained(tmp_path / "run", changing)
    [file] = (changing / "vae").glob("*.safetensors")
    save_file({name: 1.5 * tensor for name, tensor in load_file(file).items()}, file, {"format": "pt"})
    assert train_stage(run, small(), [SUBJECT], SD(path=str(changing)), 3)
    assert same(weights(run), weights(trained(tmp_path / "fresh", changing)))


@pytest.mark.parametrize("damage", [lambda whole: whole[:-200], lambda whole: b"\0" * len(whole)], ids=["cut", "zeros"])
def test_a_damaged_picture_is_named(tmp_path, folder, damage):
    """There may be hundreds, in a store that all runs share."""
    run = make_run(tmp_path)
    one = run.regularization / "3.png"
    one.write_bytes(damage(one.read_bytes()))
    with pytest.raises(ImageError, match=r"3\.png is damaged \(.*\); delete it"):
        train_stage(run, small(), [SUBJECT], SD(path=str(folder)), 3)


def test_damaged_latents_are_encoded_anew(tmp_path, folder):
    run = trained(tmp_path / "run", folder)
    latents = run.training / "latents.safetensors"
    whole = latents.read_bytes()
    latents.write_bytes(whole[:-20])
    (run.training / "manifest.json").unlink()
    assert train_stage(run, small(), [SUBJECT], SD(path=str(folder)), 3)
    assert latents.read_bytes() == whole


def test_an_interrupted_training_gives_the_terminal_back(tmp_path, folder, monkeypatch):
    """rich hides the cursor while a bar is live; whoever presses Ctrl-C wants it back."""
    live = []

    def interrupt(self, state, losses):
        live.append(self.progress.live)
        assert live[0].is_started
        raise KeyboardInterrupt

    monkeypatch.setattr("staytrue.train.curve.Bar.step", interrupt)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, folder)
    assert not live[0].is_started


def test_needs_are_checked_before_weights_load(tmp_path, monkeypatch):
    run = make_run(tmp_path, class_images=0)
    monkeypatch.setattr(SD, "load", lambda *_: pytest.fail("loaded"))
    with pytest.raises(ConfigError, match="needs class images"):
        train_stage(run, small(), [SUBJECT], SD(path="absent"), 0)
    with pytest.raises(ConfigError, match="needs class images"):
        train_stage(make_run(tmp_path / "b"), small(class_rows=0), [SUBJECT], SD(path="absent"), 0)
    with pytest.raises(ConfigError, match="no captioned photos of rex"):
        train_stage(make_run(tmp_path / "c", photos=0), small(), [SUBJECT], SD(path="absent"), 0)


def test_accumulation_is_one_large_batch_even_when_photos_are_few(tmp_path, folder):
    """Two photos, one a micro-batch, four micro-batches an update: more than an epoch. Rows and means are those of batch 4."""
    from staytrue.train.batches import Batches
    from staytrue.train.stage import read_samples

    run = make_run(tmp_path / "a", photos=2)
    samples = tuple(read_samples(run, [SUBJECT]))
    small_, large = (Batches(samples, 3, (("subject", n), ("class", n))) for n in (1, 4))
    assert sorted(row for micro in range(4) for row in small_.rows(micro)) == sorted(large.rows(0))
    train_stage(run, small(steps=2, batch=1, class_rows=1, accumulation=4), [SUBJECT], SD(path=str(folder)), 3)
    assert [row["step"] for row in read_jsonl(run.training / "curve.jsonl")] == [2]


def test_settings_have_effects(tmp_path, folder):
    fixed = {"steps": 2, "objectives": ONLY_SUBJECT}
    plain = weights(trained(tmp_path / "plain", folder, **fixed))
    assert same(plain, weights(trained(tmp_path / "again", folder, **fixed)))
    for number, changed in enumerate(
        [
            {"warmup_steps": 5},
            {"ema": 0.5},
            {"weight_decay": 0.9},
            {"accumulation": 2},
            {"crop_range": (0.5, 0.8)},
            {"dtype": "bfloat16"},
        ]
    ):
        assert not same(plain, weights(trained(tmp_path / str(number), folder, **fixed | changed))), changed


def test_gradient_checkpointing_computes_forward_again_and_changes_nothing_else(tmp_path, folder, monkeypatch):
    """Backward computes it again: on the same kernels, or it would not fit what forward kept."""
    passes = []
    forward = ResnetBlock2D.forward
    monkeypatch.setattr(ResnetBlock2D, "forward", lambda *args, **named: passes.append(1) or forward(*args, **named))
    plain = weights(trained(tmp_path / "plain", folder, steps=2))
    once = len(passes)
    again = weights(trained(tmp_path / "again", folder, steps=2, gradient_checkpointing=True))
    assert len(passes) > 2 * once
    assert same(plain, again, atol=1e-6)


def test_weight_zero_and_absent_train_the_same_model(tmp_path, folder):
    fixed = {"steps": 2}
    zero = ONLY_SUBJECT | {"class": Weighted(weight=0, objective=Denoising(rows="class"))}
    one = weights(trained(tmp_path / "a", folder, objectives=ONLY_SUBJECT, **fixed))
    assert same(one, weights(trained(tmp_path / "b", folder, objectives=zero, **fixed)))


def test_a_loss_that_is_no_number_is_an_error(tmp_path, folder):
    with pytest.raises(StaytrueError, match=r"no longer a number.*learning_rate"):
        trained(tmp_path, folder, adapter=Full(), learning_rate=1e30, max_grad_norm=None)


def test_intervals_are_written_with_their_unit():
    assert Train(checkpoint_every="1 step").checkpoint_every == "1 step"
    for wrong in ("100", "0 steps", "ten steps"):
        with pytest.raises(ValueError, match="checkpoint_every"):
            Train(checkpoint_every=wrong)


def test_lora_text_encoder_trains_too(tmp_path, folder):
    names = weights(trained(tmp_path, folder, adapter=Lora(rank=2, text_encoder=True), steps=1))
    assert {name.split(".")[0] for name in names} == {"unet", "text_encoder"}
