"""Plans to pictures in the shared store: drawn once, resumed, told apart by what made them."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from safetensors.torch import load_file

from staytrue.errors import ImageError
from staytrue.generate.sampling import Sampling
from staytrue.images.metadata import read_png_facts
from staytrue.regularize.class_prompt import ClassPrompt
from staytrue.regularize.folder import Folder
from staytrue.regularize.none import NoPriorSet
from staytrue.regularize.stage import regularize_stage
from staytrue.regularize.store import latent_beside
from staytrue.regularize.structured import Structured
from staytrue.runs import RunFolder, read_json, read_jsonl
from staytrue.types import Caption, Sample
from tests.dying import dies_at
from tests.regularize.stand_in import Sampler, captioned, drawer, subject


@pytest.fixture
def sampler(monkeypatch) -> Sampler:
    stand_in = Sampler()
    monkeypatch.setattr("os.fsync", lambda _: None)  # hundreds of small files, on disks that may be busy
    monkeypatch.setattr("staytrue.generate.sampling.draw_with_latents", stand_in)
    return stand_in


def rows(run: RunFolder) -> list[Sample]:
    return read_jsonl(run.regularization / "samples.jsonl", Sample)


def test_rows_pictures_latents_and_sheet(tmp_path: Path, sampler: Sampler) -> None:
    run, mine = captioned(tmp_path, subject()), subject()
    assert regularize_stage(run, Structured(count=12), [mine], drawer(tmp_path), seed=0, device="cpu") is True
    samples = rows(run)
    assert len(samples) == len(sampler.drawn) == 12
    for sample, request in zip(samples, sampler.drawn, strict=True):
        picture = run.root / sample.image
        assert picture.resolve().parent == run.class_image_store.resolve()
        assert not sample.image.is_absolute()
        assert sample.role == "class"
        assert sample.subject == "mine"
        assert sample.weight == 1
        assert sample.caption.identifier == ""
        facts = read_png_facts(picture)
        assert facts["prompt"] == request.prompt == sample.caption.render()
        assert facts["seed"] == str(request.seed)
        latent = load_file(latent_beside(picture))["latent"]
        assert latent.shape == (4, 4, 4)
    with Image.open(run.regularization / "contact-sheet.jpg") as sheet:
        assert sheet.width > 12 * 128


def test_a_photo_of_two_subjects_gives_no_class_image_that_names_the_other(tmp_path: Path, sampler: Sampler) -> None:
    one, two = subject(name="one"), subject("cat", "two").model_copy(update={"identifier": "sks"})
    run = captioned(tmp_path, one, two, backgrounds=("beside a Sks cat", "at home"))
    regularize_stage(run, Structured(count=10), [one, two], drawer(tmp_path), seed=0, device="cpu")
    assert not [r.prompt for r in sampler.drawn if "sks" in r.prompt.lower()]


def test_captions_of_the_class_noun_are_of_the_same_images(tmp_path: Path, sampler: Sampler) -> None:
    """The paper's mismatch: what is drawn stays as it was asked for; only the words to train with change."""
    asked, mismatched = captioned(tmp_path / "a", subject()), captioned(tmp_path / "a" / "b", subject())
    backbone = drawer(tmp_path)
    regularize_stage(asked, Structured(count=6), [subject()], backbone, 0, "cpu")
    prompts = [r.prompt for r in sampler.drawn]
    regularize_stage(mismatched, Structured(count=6, captions="class_noun"), [subject()], backbone, 0, "cpu")
    assert [r.prompt for r in sampler.drawn][6:] == prompts
    assert [row.image.name for row in rows(asked)] == [row.image.name for row in rows(mismatched)]
    assert {row.caption.render() for row in rows(mismatched)} == {"a backpack"}
    assert len({row.caption.render() for row in rows(asked)}) > 1


def test_words_of_class_captions_that_the_backbone_does_not_know_are_named_once(tmp_path: Path) -> None:
    run, mine, backbone = captioned(tmp_path, subject()), subject(), drawer(tmp_path)
    (tmp_path / "own").mkdir()
    for number in range(2):
        Image.new("RGB", (40, 40), (number, 0, 0)).save(tmp_path / "own" / f"{number}.png")
        (tmp_path / "own" / f"{number}.txt").write_text("a backpack on a skateboard")
    facts = replace(backbone.facts(), vocabulary=frozenset(["a", "on"]))
    told_of = SimpleNamespace(facts=lambda: facts, files=backbone.files, path=backbone.path)
    with pytest.warns(UserWarning, match="words of class images' captions: skateboard$") as told:
        regularize_stage(run, Folder(path=tmp_path / "own"), [mine], told_of, 0, "cpu")
    assert len(told) == 1


def test_the_manifest_says_which_conditions_were_allowed(tmp_path: Path, sampler: Sampler) -> None:
    run, mine, backbone = captioned(tmp_path, subject()), subject(), drawer(tmp_path)
    regularize_stage(run, Structured(count=2), [mine], backbone, 0, "cpu")
    said = read_json(run.regularization / "manifest.json")["conditions"]
    assert said["leak_guard"] is True
    assert len(said["unseen"]["colors"]) == 1  # of red, blue, green
    regularize_stage(run, Structured(count=2, leak_guard=False), [mine], backbone, 0, "cpu")
    assert read_json(run.regularization / "manifest.json")["conditions"]["leak_guard"] is False
    regularize_stage(run, ClassPrompt(count=2), [mine], backbone, 0, "cpu")
    assert "conditions" not in read_json(run.regularization / "manifest.json")


def test_rows_name_latents_of_the_trained_model_only(tmp_path: Path, sampler: Sampler) -> None:
    """Another model's latent, though it lies beside the picture from another run, must not be trained on."""
    run, mine, trained, other = captioned(tmp_path, subject()), subject(), drawer(tmp_path), drawer(tmp_path, "other")
    regularize_stage(run, ClassPrompt(count=2), [mine], other, 0, "cpu")
    assert all((run.root / row.latent).is_file() for row in rows(run) if row.latent)
    assert all(row.latent for row in rows(run))
    prior_set = ClassPrompt(count=2)
    object.__setattr__(prior_set, "generator", other)
    regularize_stage(run, prior_set, [mine], trained, 0, "cpu")
    assert len(sampler.drawn) == 2
    assert not any(row.latent for row in rows(run))


def test_nothing_is_drawn_twice(tmp_path: Path, sampler: Sampler) -> None:
    """Same run: skipped. Next run beside it: all found. A larger set: only the rest. Another class: all new."""
    backbone, mine = drawer(tmp_path), subject()
    first = captioned(tmp_path, mine)
    regularize_stage(first, ClassPrompt(count=4), [mine], backbone, 0, "cpu")
    assert regularize_stage(first, ClassPrompt(count=4), [mine], backbone, 0, "cpu") is False
    other_batch = ClassPrompt(count=4, sampling=Sampling(batch=3))
    assert regularize_stage(first, other_batch, [mine], backbone, 0, "cpu") is False
    second = RunFolder(first.root.parent / "two")
    (second.root / "2-captions").mkdir(parents=True)
    (second.captions / "captions.jsonl").write_text((first.captions / "captions.jsonl").read_text())
    assert regularize_stage(second, ClassPrompt(count=4), [mine], backbone, 0, "cpu") is True
    assert len(sampler.drawn) == 4
    assert rows(first) == rows(second)
    regularize_stage(second, ClassPrompt(count=6, sampling=Sampling(batch=2)), [mine], backbone, 0, "cpu")
    assert len(sampler.drawn) == 6
    regularize_stage(second, ClassPrompt(count=6), [subject("dog")], backbone, 0, "cpu")
    assert len(sampler.drawn) == 12


@pytest.mark.parametrize("way", ["link", "inside"])
def test_a_run_is_the_same_however_its_folder_is_named(tmp_path: Path, sampler: Sampler, monkeypatch, way: str) -> None:
    """A link to a folder on a larger disk, or "." from inside: a path that goes up from it goes up from where it is."""
    backbone, mine = drawer(tmp_path), subject()
    run = captioned(tmp_path / "disk", mine)
    regularize_stage(run, ClassPrompt(count=4), [mine], backbone, 0, "cpu")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "linked").symlink_to(run.root)
    monkeypatch.chdir(run.root)
    again = RunFolder(tmp_path / "home" / "linked" if way == "link" else Path("."))
    assert regularize_stage(again, ClassPrompt(count=4), [mine], backbone, 0, "cpu") is False
    assert regularize_stage(again, ClassPrompt(count=6, sampling=Sampling(batch=2)), [mine], backbone, 0, "cpu") is True
    assert len(sampler.drawn) == 6
    assert all((run.root / row.image).is_file() for row in rows(run))
    assert len(list(run.class_image_store.glob("*.png"))) == 6


def test_an_interrupted_set_goes_on_where_it_was(tmp_path: Path, sampler: Sampler) -> None:
    run, mine, backbone = captioned(tmp_path, subject()), subject(), drawer(tmp_path)
    sampler.dies_after = 5
    with pytest.raises(KeyboardInterrupt):
        regularize_stage(run, Structured(count=12), [mine], backbone, 0, "cpu")
    assert len(list(run.class_image_store.glob("*.png"))) == 5
    assert not (run.regularization / "manifest.json").exists()
    sampler.dies_after = None
    regularize_stage(run, Structured(count=12), [mine], backbone, 0, "cpu")
    assert len(sampler.drawn) == 5 + 12, "the batch is drawn again whole"
    assert len(set(sampler.drawn)) == 12
    assert not [p for p in run.class_image_store.iterdir() if p.name.endswith(".tmp")]


IN_FIVES = Structured(count=17, sampling=Sampling(batch=5))


def stored(run: RunFolder) -> dict[str, bytes]:
    """The store's pictures and latents by name."""
    return {p.name: p.read_bytes() for p in run.class_image_store.iterdir() if p.is_file()}


@pytest.mark.parametrize(
    ("lost", "kind"),
    [([1], "png"), ([1, 16], "safetensors"), ([0, 6, 16], "both"), ([4, 11, 12], "png"), ([*range(8, 17)], "both")],
)
def test_what_a_kill_left_out_is_drawn_in_its_old_company(
    tmp_path: Path, sampler: Sampler, lost: list[int], kind: str
) -> None:
    """In this sampler a picture shows what it was drawn with. Whatever is missing, and wherever, comes back with its bytes."""
    sampler.company = True
    run, mine, backbone = captioned(tmp_path, subject()), subject(), drawer(tmp_path)
    regularize_stage(run, IN_FIVES, [mine], backbone, 0, "cpu")
    whole, plan = stored(run), [run.root / row.image for row in rows(run)]
    requests, sampler.drawn = sampler.drawn, []
    touched = {p: p.stat().st_mtime_ns for p in run.class_image_store.iterdir()}
    gone = [f for place in lost for f in (plan[place], latent_beside(plan[place])) if kind in ("both", f.suffix[1:])]
    for file in gone:
        file.unlink()
    regularize_stage(run, IN_FIVES, [mine], backbone, 0, "cpu")
    assert stored(run) == whole
    places = [
        p for group in range(0, 17, 5) if set(lost) & set(range(group, group + 5)) for p in range(group, group + 5)
    ]
    assert sampler.drawn == [requests[place] for place in places if place < 17]
    names = {file.name for file in gone}
    assert all(p.stat().st_mtime_ns == touched[p] for p in touched if p.name not in names), "what was there was touched"


@pytest.mark.parametrize("write", [1, 2, 7, 8, 33])
def test_dying_between_two_files_of_a_batch_ends_at_the_same_bytes(
    tmp_path: Path, sampler: Sampler, monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    from staytrue.regularize import store

    sampler.company = True
    runs = []
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
        runs.append(captioned(tmp_path / name, subject()))
    whole, killed = runs
    regularize_stage(whole, IN_FIVES, [subject()], drawer(tmp_path), 0, "cpu")
    dies_at(monkeypatch, store, write)
    with pytest.raises(KeyboardInterrupt):
        regularize_stage(killed, IN_FIVES, [subject()], drawer(tmp_path), 0, "cpu")
    assert len(list(killed.class_image_store.glob("*"))) == write - 1
    regularize_stage(killed, IN_FIVES, [subject()], drawer(tmp_path), 0, "cpu")
    assert stored(killed) == stored(whole)
    assert rows(killed) == rows(whole)


def test_another_runs_pictures_stay_and_the_rest_has_the_plans_company(tmp_path: Path, sampler: Sampler) -> None:
    """Three images of a store were drawn alone; a set of nine in batches of five takes them, and draws two whole batches."""
    sampler.company = True
    run, mine, backbone = captioned(tmp_path, subject()), subject(), drawer(tmp_path)
    nine = ClassPrompt(count=9, sampling=Sampling(batch=5))
    regularize_stage(run, nine, [mine], backbone, 0, "cpu")
    alone, plan = stored(run), [row.image for row in rows(run)]
    for file in run.class_image_store.iterdir():
        file.unlink()
    regularize_stage(run, ClassPrompt(count=3, sampling=Sampling(batch=5)), [mine], backbone, 0, "cpu")
    three = stored(run)
    sampler.drawn = []
    regularize_stage(run, nine, [mine], backbone, 0, "cpu")
    assert len(sampler.drawn) == 9
    beside = stored(run)
    assert {name: beside[name] for name in three} == three
    assert all(alone[p.name] != beside[p.name] for p in plan[:3])
    assert all(alone[p.name] == beside[p.name] for p in plan[3:])


def test_lost_pictures_are_drawn_again(tmp_path: Path, sampler: Sampler) -> None:
    run, mine, backbone = captioned(tmp_path, subject()), subject(), drawer(tmp_path)
    regularize_stage(run, ClassPrompt(count=3), [mine], backbone, 0, "cpu")
    (run.root / rows(run)[1].image).unlink()
    assert regularize_stage(run, ClassPrompt(count=3), [mine], backbone, 0, "cpu") is True
    assert sampler.drawn[3:] == sampler.drawn[:3], "the batch that it was in"
    assert (run.root / rows(run)[1].image).is_file()


@pytest.mark.parametrize(
    ("change", "redrawn"),
    [
        ({"steps": 7}, 3),
        ({"guidance": 2.0}, 3),
        ({"solver": "euler"}, 3),
        ({"negative": "blurry"}, 3),
        ({"batch": 2}, 0),
    ],
)
def test_what_a_picture_is_made_by_names_it(
    tmp_path: Path, sampler: Sampler, change: dict[str, object], redrawn: int
) -> None:
    run, mine, backbone = captioned(tmp_path, subject()), subject(), drawer(tmp_path)
    regularize_stage(run, ClassPrompt(count=3), [mine], backbone, 0, "cpu")
    regularize_stage(run, ClassPrompt(count=3, sampling=Sampling(**change)), [mine], backbone, 0, "cpu")
    assert len(sampler.drawn) == 3 + redrawn


def test_seed_and_weights_name_it_too_but_not_where_they_lie(tmp_path: Path, sampler: Sampler) -> None:
    run, mine = captioned(tmp_path, subject()), subject()
    regularize_stage(run, ClassPrompt(count=2), [mine], drawer(tmp_path), 0, "cpu")
    regularize_stage(run, ClassPrompt(count=2), [mine], drawer(tmp_path), 1, "cpu")
    assert len(sampler.drawn) == 4
    regularize_stage(run, ClassPrompt(count=2), [mine], drawer(tmp_path, "other"), 0, "cpu")
    assert len(sampler.drawn) == 6
    copy = drawer(tmp_path, "copy")
    (tmp_path / "copy" / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "copy" / "README.md").write_text("a copy")
    regularize_stage(run, ClassPrompt(count=2), [mine], copy, 0, "cpu")
    assert len(sampler.drawn) == 6


def test_another_generator_draws_and_keeps_no_latents(tmp_path: Path, sampler: Sampler) -> None:
    run, mine, trained, other = captioned(tmp_path, subject()), subject(), drawer(tmp_path), drawer(tmp_path, "other")
    prior_set = ClassPrompt(count=2)
    object.__setattr__(prior_set, "generator", other)
    regularize_stage(run, prior_set, [mine], trained, 0, "cpu")
    assert not list(run.class_image_store.glob("*.safetensors"))
    regularize_stage(run, ClassPrompt(count=2), [mine], other, 0, "cpu")
    assert len(list(run.class_image_store.glob("*.safetensors"))) == 2, "the trained backbone's latents are added"


def test_subjects_of_one_class_share_pictures_but_have_their_own_rows(tmp_path: Path, sampler: Sampler) -> None:
    one, two = subject(name="one"), subject(name="two")
    run = captioned(tmp_path, one, two)
    regularize_stage(run, ClassPrompt(count=3), [one, two], drawer(tmp_path), 0, "cpu")
    assert len(sampler.drawn) == 3
    assert [s.subject for s in rows(run)] == ["one"] * 3 + ["two"] * 3
    assert {s.image for s in rows(run)[:3]} == {s.image for s in rows(run)[3:]}


def test_none_writes_an_empty_set_and_no_sheet(tmp_path: Path, sampler: Sampler) -> None:
    run, mine, backbone = captioned(tmp_path, subject()), subject(), drawer(tmp_path)
    regularize_stage(run, ClassPrompt(count=2), [mine], backbone, 0, "cpu")
    regularize_stage(run, NoPriorSet(), [mine], backbone, 0, "cpu")
    assert rows(run) == []
    assert not (run.regularization / "contact-sheet.jpg").exists()


def class_folder(home: Path) -> Path:
    folder = home / "class images"
    folder.mkdir()
    for number, color in enumerate(["red", "green", "blue"]):
        Image.new("RGB", (40, 50), color).save(folder / f"{number}.jpg", quality=95)
    (folder / "1.txt").write_text("a green backpack on a table")
    return folder


def test_folder_uses_the_users_own_pictures_and_captions(tmp_path: Path, sampler: Sampler) -> None:
    run, folder = captioned(tmp_path, subject()), class_folder(tmp_path)
    assert regularize_stage(run, Folder(path=folder), [subject()], drawer(tmp_path), 0, "cpu") is True
    assert [s.caption.render() for s in rows(run)] == ["a backpack", "a green backpack on a table", "a backpack"]
    with Image.open(run.root / rows(run)[2].image) as blue:
        assert blue.format == "PNG"
        assert blue.size == (40, 50)
        assert blue.getpixel((0, 0))[2] > 250
    assert regularize_stage(run, Folder(path=folder), [subject()], drawer(tmp_path), 0, "cpu") is False
    Image.new("RGB", (40, 50), "gray").save(folder / "2.jpg")
    assert regularize_stage(run, Folder(path=folder), [subject()], drawer(tmp_path), 0, "cpu") is True
    assert sampler.drawn == []
    regularize_stage(run, Folder(path=folder, count=2), [subject()], drawer(tmp_path), 0, "cpu")
    assert len(rows(run)) == 2


def test_folder_refuses_captions_that_name_the_subject(tmp_path: Path, sampler: Sampler) -> None:
    run, folder = captioned(tmp_path, subject()), class_folder(tmp_path)
    (folder / "0.txt").write_text("my zwx backpack")
    with pytest.raises(ImageError, match=r"must not hold the identifier 'zwx', but these do: 0.jpg"):
        regularize_stage(run, Folder(path=folder), [subject()], drawer(tmp_path), 0, "cpu")


def test_the_sheet_of_a_large_set_shows_an_even_choice(tmp_path: Path) -> None:
    from staytrue.regularize.sheet import SHOWN, write_sheet

    Image.new("RGB", (16, 16), "red").save(tmp_path / "a.png")
    samples = [Sample(Path("a.png"), Caption("dog", details=f"number {i}"), "mine", "class") for i in range(500)]
    write_sheet(tmp_path / "sheet.jpg", tmp_path, samples)
    with Image.open(tmp_path / "sheet.jpg") as sheet:
        assert sheet.width == 8 + 12 * 136
        assert sheet.height > SHOWN / 12 * 136
