"""What is said before the first stage, and not after hours of drawing."""

import shutil
import warnings

import pytest
from pydantic import ValidationError

from staytrue.backbones import SD
from staytrue.checks import check, require_purifier, unknown_words
from staytrue.cli import _recipe_values
from staytrue.config import overridden, parse, values_of
from staytrue.errors import ConfigError, ResumeError, StaytrueError
from staytrue.opening import commit, open_run
from staytrue.recipes import RECIPES, recipe
from staytrue.recipes.demo import bundled_subject
from staytrue.runs import RunFolder, write_json
from staytrue.types import Subject
from tests.purify.stand_ins import tiny_upscaler
from tests.tiny import tiny_sd


def changed(*assignments, name="staytrue"):
    subjects = [bundled_subject("dog6"), bundled_subject("can").model_copy(update={"identifier": "sks"})]
    config = recipe(name, SD()).model_copy(update={"subjects": tuple(subjects)})
    return parse(overridden(values_of(config), assignments))


def warned(*assignments, name="staytrue"):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check(changed(*assignments, name=name))
    return [str(one.message) for one in caught]


@pytest.mark.parametrize(
    ("cleaning", "said"),
    [
        ("purify={name='restore', model='/no/scunet.pth'}", "no model file /no/scunet.pth"),
        ("purify={name='chain', steps=[{name='jpeg'}, {name='restore', model='/no/scunet.pth'}]}", "no model file"),
        ("purify={name='code_sr'}", "photos of a woman need CodeFormer's weights"),
        ("purify={name='code_sr', faces='/no/codeformer.pth'}", "no model file /no/codeformer.pth"),
        ("purify={name='upscale'}", "the upscaler stabilityai/stable-diffusion-x4-upscaler cannot be loaded"),
        ("purify={name='upscale', model='/no/x4'}", "purify.model=/models/x4-upscaler"),
        ("purify={name='chain', steps=[{name='upscale'}]}", "purify.steps.0.model=/models/x4-upscaler"),
    ],
)
def test_a_purifier_s_files_are_looked_for(cleaning, said):
    assert said in lacking(cleaning, "subjects.0.class_noun=woman", "subjects.1.class_noun=woman")


def test_a_purifier_of_faces_needs_no_weights_for_things(tmp_path):
    faces = f"purify={{name='code_sr', upscale={{model='{tiny_upscaler(tmp_path)}'}}}}"
    assert [lacking(faces, f"subjects.0.class_noun={noun}") == "" for noun in ("dog", "woman")] == [True, False]


def test_the_miniature_has_a_restorer_of_its_own(tmp_path):
    other = f"backbone.path={tiny_sd(tmp_path / 'sd')}"
    assert lacking("purify={name='restore'}") == ""
    assert "no restorer that comes with this backbone" in lacking("purify={name='restore'}", other)


def lacking(*assignments):
    """What is said of the files of the purifier; nothing where all are there."""
    try:
        require_purifier(changed(*assignments))
    except StaytrueError as error:
        return str(error)
    return ""


def test_a_purifier_s_files_are_needed_until_the_photos_are_clean(tmp_path):
    config = changed("purify={name='restore', model='/no/scunet.pth'}")
    with pytest.raises(StaytrueError, match="no model file"), open_run(config, tmp_path, "cpu"):
        pass
    assert not (tmp_path / "config.json").exists()
    write_json(tmp_path / "1-purified" / "manifest.json", {})
    with open_run(config, tmp_path, "cpu"):
        pass


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("inspect.limits=/no/limits.json", r"inspect\.limits: /no/limits\.json cannot be read"),
        ("inspect.clip=/no/clip", r"inspect\.clip: there is no model at /no/clip; name a folder"),
    ],
)
def test_what_the_inspection_names_is_looked_for(setting, said):
    with pytest.raises(ConfigError, match=said):
        check(changed(setting))
    check(changed(setting, "inspect.action=off"))


def test_a_clip_that_would_have_to_be_downloaded_is_said_where_it_is_asked_for():
    named = "inspect.clip=openai/clip-vit-large-patch14"
    assert [said for said in warned(named) if "(inspect.clip) is not on this machine" in said]
    assert not [said for said in warned(named, "inspect.depth=pixels") if "inspect.clip" in said]


def test_a_defense_that_lacks_its_files_is_said():
    lacking = """inspect.defense=["purify.name=restore", "purify.model=/no/scunet.pth"]"""
    [said] = [said for said in warned(lacking) if "inspect.defense" in said]
    assert "no model file /no/scunet.pth" in said
    assert not [said for said in warned() if "inspect.defense" in said]


@pytest.mark.parametrize("shares", ["[0, 1]", "[-0.5, 1]", "[0.9, 0.8]", "[0.5, 1.5]"])
def test_crops_are_within_the_photo(shares):
    with pytest.raises(ConfigError, match=r"train\.crop_range: .*above 0 and up to 1"):
        changed(f"train.crop_range={shares}")


def test_crops_may_be_of_one_size():
    assert changed("train.crop_range=[0.8, 0.8]").train.crop_range == (0.8, 0.8)


@pytest.mark.parametrize("adapter", ["textual_inversion", "cross_attention", "lora", "full"])
def test_each_subject_needs_a_word_that_its_row_starts_as(adapter):
    token = ["train.adapter.token=true"] if adapter in ("lora", "full") else []
    settings = [f"train.adapter.name={adapter}", *token]
    with pytest.raises(ConfigError, match=r"names 1 words \(toy\) for 2 subjects"):
        check(changed(*settings, 'train.adapter.initializers=["toy"]'))
    check(changed(*settings, 'train.adapter.initializers=["toy", "bag"]'))


MODELS = {
    "caption": ("caption.name=background", "caption.name=template", "2-captions"),
    "regularize.filter": ("regularize.filter={name='clip'}", "regularize.filter=null", "3-regularization"),
    "train.select": ("train.select={}", "train.select=null", "4-training"),
}


@pytest.mark.parametrize("section", MODELS)
def test_what_a_stage_looks_through_is_looked_for(monkeypatch, section, tmp_path):
    on, otherwise, stage = MODELS[section]
    assert not warned(on)  # the miniature's own
    monkeypatch.setattr("staytrue.encoders.checkpoint._cached", lambda checkpoint: [])
    absent = changed(on, f"{section}.checkpoint=/no/such/clip")
    with pytest.raises(ConfigError) as raised:
        check(absent)
    assert str(raised.value).startswith(f"{section}.checkpoint: there is no model at /no/such/clip; name a folder")
    assert str(raised.value).endswith(f"to do without: {otherwise}")
    [said] = warned(on, f"{section}.checkpoint=openai/clip-vit-base-patch32")
    assert said.startswith(f"the model openai/clip-vit-base-patch32 ({section}.checkpoint) is not on this machine")
    assert f"`hf download openai/clip-vit-base-patch32`, or name a folder that holds it: {section}.checkpoint=" in said
    assert "the run will stop there" in said
    write_json(tmp_path / stage / "manifest.json", {})
    check(absent, RunFolder(tmp_path))  # a complete stage needs it no more


def test_a_run_on_a_real_backbone_without_its_clip_would_stop_at_captions(monkeypatch, tmp_path):
    monkeypatch.setattr("staytrue.encoders.checkpoint._cached", lambda checkpoint: [])
    said = warned(f"backbone.path={tiny_sd(tmp_path / 'sd')}")
    assert [one for one in said if "clip-vit-base-patch32 (caption.checkpoint) is not on this machine" in one]


def test_a_selection_that_has_nothing_to_choose_from_is_refused():
    assert not warned("train.select={}", "train.checkpoint_every=399 steps")
    for every in (400, 500):
        with pytest.raises(
            ConfigError, match=rf"checkpoint_every is {every} steps, .* 400, .*set .* to 100 steps or so"
        ):
            check(changed("train.select={}", f"train.checkpoint_every={every} steps"))
        check(changed(f"train.checkpoint_every={every} steps"))
    with pytest.raises(ConfigError, match=r"select\.every is 400 steps"):
        check(changed("train.select.every=400 steps"))


def test_a_selection_that_costs_much_because_it_was_asked_to_is_warned_of():
    """Two scorings more than three: 380 rows of the 2,400 of 100 steps are 15.8 %, and 304 of 1,800 until it may stop 16.9 %."""
    often = ("train.select.every=25 steps", "train.checkpoint_every=25 steps")
    assert not warned(often[1], "train.select={}")
    [said] = warned(*often)
    assert "train.select.every=25 steps: scoring takes up to 16.9% of the time" in said
    assert not warned("train.select.every=100 steps")


def test_an_identifier_of_several_tokens_is_warned_of(tmp_path):
    """Not where it gets a row of its own, nor on the miniature, which says what words it does not know."""
    tiny = f"backbone.path={tiny_sd(tmp_path / 'tiny')}"

    def about(identifier, *assignments):
        said = warned(tiny, f"subjects.0.identifier={identifier}", *assignments)
        return [text for text in said if text.startswith("the identifier ")]

    assert not about("olis")
    [said] = about("olisdog")
    assert said.startswith("the identifier 'olisdog' is 3 tokens for ")
    assert "(oli s dog)" in said
    assert f"`staytrue list identifiers {tiny}`" in said
    assert "is 4 tokens" in about("<zwx1>")[0]
    assert not about("<zwx1>", "train.adapter.name=textual_inversion", 'train.adapter.initializers=["toy", "toy"]')
    assert not [text for text in warned("subjects.0.identifier=olisdog") if text.startswith("the identifier")]


def test_who_is_taken_for_living_is_said_and_how_to_say_otherwise(capsys):
    """Not of a subject that says it itself, as bundled ones do."""
    can, dog = (one.model_copy(update={"living": None}) for one in changed().subjects[::-1])
    actor = dog.model_copy(update={"name": "me", "class_noun": "actor", "identifier": "vexu"})
    check(changed().model_copy(update={"subjects": (can, dog, actor)}))
    said = [line for line in capsys.readouterr().err.splitlines() if "taken for" in line]
    assert [line.partition(": ")[2].partition(" in ")[0] for line in said] == [
        "'can' is taken for a thing", "'dog' is taken for something living", "'actor' is taken for a person",
    ]  # fmt: skip
    assert [line.partition("wrong: ")[2] for line in said] == [
        "subjects.0.living=true, or for a person subjects.0.class_noun_vague=person",
        "subjects.1.living=false, or for a person subjects.1.class_noun_vague=person",
        "subjects.2.living=false",
    ]
    check(changed())
    assert "taken for" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("regularize.evaluation_prompts=/no/prompts.txt", "regularize.evaluation_prompts: cannot read /no/prompts.txt"),
        ('regularize.evaluation_prompts=["a horse"]', "regularize.evaluation_prompts: none of the prompts is of dog6 "),
        ("regularize.generator={name='sd', path='/no/sdxl'}", "regularize.generator: no checkpoint at '/no/sdxl'"),
        ("regularize={name='folder', path='/no/dogs'}", "regularize.path: the photo folder /no/dogs does not exist"),
    ],
)
def test_what_would_stop_the_class_images_is_said(wrong, said):
    with pytest.raises(StaytrueError, match=said):
        check(changed(wrong, "train.objectives.style.weight=0"))


def test_class_images_that_nothing_reads_are_warned_of():
    off = ("train.objectives.class.weight=0", "train.objectives.style.weight=0")
    assert not warned()
    assert not warned("train.objectives.class.weight=0")  # the other one reads their captions
    [said] = warned(*off)
    assert "no objective with a weight reads class rows" in said
    [said] = warned(*off, "train.class_rows=0")
    assert "train.class_rows is 0" in said
    assert not warned(*off, "regularize.name=none")
    assert not warned(*off, "train.objectives.subject.objective.rows=all")


ALONE = ("train.adapter.name=textual_inversion", "train.adapter.initializers=['toy', 'toy']")


def test_a_token_row_alone_learns_nothing_of_class_images():
    """Their captions lack the identifier, so each of them would be drawn for nothing; a row beside other weights has those."""
    term, drawn = sorted(warned(*ALONE, name="dreambooth"), reverse=True)
    assert term.startswith("train.objectives.class has no effect: a token row alone trains")
    assert "class images will be made" in drawn
    assert "their captions lack the identifier" in drawn
    followed = ("train.objectives.class.weight=0", "regularize.name=none")
    assert not warned(*ALONE, *followed, name="dreambooth")
    [drawn] = warned(*ALONE, followed[0], "train.objectives.subject.objective.rows=all", name="dreambooth")
    assert "class images will be made" in drawn
    assert not warned("train.adapter.token=true", name="dreambooth")


def test_class_images_whose_words_move_the_identifier_are_read():
    """``semantic_delta`` says them of the subject, and reading C says the subject's phrase of them."""
    asked = ("train.objectives.class.objective.name=semantic_anchor", "train.objectives.class.objective.reading=C")
    assert not warned(*ALONE, *asked, name="dreambooth")
    assert not warned(*ALONE, "train.objectives.class.weight=0")


@pytest.mark.parametrize(
    "objective",
    ["{name='output_preservation'}", "{name='semantic_anchor', reading='D'}", "{name='denoising', rows='class'}"],
)
def test_a_term_that_asks_without_the_identifier_is_said_where_its_row_trains_alone(objective):
    mine = ("train.objectives.mine.weight=0.5", f"train.objectives.mine.objective={objective}")
    told = [said for said in warned(*ALONE, *mine) if "train.objectives.mine has no effect" in said]
    assert len(told) == 1
    assert "train.objectives.mine.weight=0" in told[0]
    assert not [said for said in warned(*mine) if "no effect" in said]


@pytest.mark.parametrize("name", RECIPES)
def test_no_recipe_is_warned_of(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        check(changed(*(NEW if name == "class-diffusion-released" else ()), name=name))


NEW = ("subjects.0.identifier=<new1>", "subjects.1.identifier=<new2>")


def test_a_ladder_of_one_rung_is_said():
    """A can is a container; where nobody says so it is a can, and nothing above. A dog is an animal."""
    ladder = ("train.objectives.ladder.objective.name=semantic_ladder", "train.objectives.ladder.weight=0.01")
    unsaid = ("subjects.0.class_noun_vague=null", "subjects.1.class_noun_vague=null")
    assert not warned(*ladder)
    [said] = warned(*ladder, *unsaid)
    assert "train.objectives.ladder: the ladder of can has one rung, 'can'" in said
    assert "subjects.1.class_noun_vague=" in said
    assert not warned(*ladder, *unsaid, "train.objectives.ladder.objective.neighbors=['can', 'box']")
    assert len(warned(*ladder, "train.objectives.ladder.objective.neighbors=['can']")) == 2
    assert not warned(*unsaid)


def test_the_released_pooling_of_a_known_word_is_warned_of(tmp_path):
    """Its end mark has the largest id. Where no row trains, no identifier is a new token."""
    released = "train.objectives.semantics.objective={name='class_semantics', pooling='released'}"
    for backbone in ((), (f"backbone.path={tiny_sd(tmp_path / 'tiny')}",)):
        [said] = [s for s in warned(*backbone, name="class-diffusion-released") if "pooling=released" in s]
        assert "'olis' is none for" in said
        assert said.endswith("use --identifier '<new1>'")
        assert not [s for s in warned(*backbone, *NEW, name="class-diffusion-released") if "pooling=released" in s]
    [said] = warned(NEW[0], name="class-diffusion-released")
    assert "'sks' is none" in said
    assert not warned("train.objectives.semantics.weight=0", name="class-diffusion-released")
    [said] = warned(*NEW, "train.adapter.text_encoder=true", "train.objectives.semantics.weight=1", released)
    assert said.endswith("use --identifier '<new1>' and train.adapter.token=true")


def test_a_photo_is_trained_on_or_held_out(tmp_path):
    can = bundled_subject("can")
    shared = tmp_path / "shared"
    shutil.copytree(can.heldout, shared)
    shutil.copy(next(can.photos.glob("*.png")), shared / "again.png")
    with pytest.raises(ConfigError, match=r"can is trained on .*held out"):
        check(changed().model_copy(update={"subjects": (can.model_copy(update={"heldout": shared}),)}))
    check(changed().model_copy(update={"subjects": (can,)}))


def test_the_identifiers_of_loras_beside_are_looked_at_before_anything_is_trained(tmp_path):
    write_json(tmp_path / "config.json", {"config": {"subjects": [changed().subjects[0].model_dump(mode="json")]}})
    lora = tmp_path / "4-training/model/pytorch_lora_weights.safetensors"
    lora.parent.mkdir(parents=True)
    lora.touch()
    with pytest.raises(ConfigError, match=r"this run and .* both call their subject 'olis'"):
        check(changed(f"generate.loras=[{{path='{tmp_path}'}}]"))
    check(changed(f"generate.loras=[{{path='{tmp_path}'}}]", "subjects.0.identifier=zwx"))


def test_a_lora_weight_needs_a_lora():
    with pytest.raises(ConfigError, match="has no LoRA to weigh"):
        check(changed("generate.lora_weight=0.5"))
    check(changed("train.adapter.name=lora", "generate.lora_weight=0.5"))


@pytest.mark.parametrize(
    ("noun", "identifier", "said"),
    [
        (" ", "olis", "must be words"),
        ("dog", " ", "must be words"),
        ("a dog", "olis", "an article by itself: 'dog'"),
        ("teddy bear", "Bear", "is a word of the class noun"),
    ],
)
def test_a_subject_can_be_named(noun, identifier, said):
    with pytest.raises(ValidationError, match=said):
        Subject(name="x", photos="photos", class_noun=noun, identifier=identifier)


def test_the_order_of_names_on_the_command_line_makes_no_difference():
    inner, outer = "regularize.filter.name=clip", "regularize.name=class_prompt"
    one, other = changed(inner, outer), changed(outer, inner)
    assert one == other
    assert one.regularize.filter is not None


def test_the_flag_s_backbone_is_taken_before_the_file_s(tmp_path):
    other = str(tiny_sd(tmp_path / "sd"))
    values = _recipe_values("staytrue", other, False, {"backbone": {"name": "sd", "path": "miniature"}})
    assert values["backbone"]["path"] == other
    assert (
        _recipe_values("staytrue", None, False, {"backbone": {"path": "miniature"}})["backbone"]["path"] == "miniature"
    )


def test_two_processes_do_not_work_in_one_run(tmp_path):
    """The second neither starts nor changes the settings of the first."""
    with open_run(changed("seed=1"), tmp_path / "run", "cpu") as here:
        settings = here.config.read_bytes()
        with (
            pytest.raises(ResumeError, match="another process is at work in this folder"),
            open_run(changed("seed=2"), tmp_path / "run", "cpu"),
        ):
            pytest.fail("it was let in")
        assert here.config.read_bytes() == settings
    with open_run(changed("seed=2"), tmp_path / "run", "cpu"):
        assert here.config.read_bytes() != settings


def test_what_is_refused_later_leaves_the_settings(tmp_path):
    with open_run(changed("seed=1"), tmp_path / "run", "cpu") as here:
        settings = here.config.read_bytes()
    with pytest.raises(ResumeError, match="unfinished"), open_run(changed("seed=2"), tmp_path / "run", "cpu"):
        raise ResumeError("an unfinished training of other settings is here")
    assert here.config.read_bytes() == settings


@pytest.mark.parametrize(
    ("idle", "why", "used"),
    [
        ("train.token_learning_rate=1e-3", "no token row is trained", "train.adapter.token=true"),
        ("train.adapter.initializers=['dog', 'can']", "no token row is trained", "train.adapter.token=true"),
        ("train.text_encoder_learning_rate=1e-5", "the text encoder is not trained", "train.adapter.text_encoder=true"),
        ("generate.sampling.negative=noise", "guidance is 1", "generate.sampling.guidance=2"),
    ],
)
def test_a_setting_without_effect_is_said(idle, why, used):
    name = idle.partition("=")[0]
    assert f"{name} has no effect: {why}" in warned("generate.sampling.guidance=1", idle)
    assert not [said for said in warned("generate.sampling.guidance=1", idle, used) if "no effect" in said]


def test_an_ending_of_class_images_needs_some():
    ending = ("train.class_suffix=without noise", "train.objectives.style.weight=0", "train.objectives.class.weight=0")
    none = "train.class_suffix has no effect: there are no class images"
    assert none in warned(*ending, "train.class_rows=0", "regularize.name=none")
    assert none not in warned(*ending)


@pytest.mark.parametrize("name", RECIPES)
def test_no_recipe_has_a_setting_without_effect(name):
    assert not [said for said in warned(name=name) if "no effect" in said]


def test_a_face_judge_is_a_folder_and_not_looked_for_on_the_hub():
    [said, *_] = warned("evaluate.metrics.face={name='face', judge='models/auraface'}")
    assert "models/auraface (evaluate.metrics.face) is not on this machine" in said
    assert "hf download" not in said


@pytest.mark.parametrize("installed", [{"insightface", "onnxruntime"}, {"insightface"}, set()])
def test_a_metric_without_its_packages_is_said(monkeypatch, installed):
    monkeypatch.setattr("staytrue.checks.find_spec", lambda name: name in installed or None)
    told = [said for said in warned("evaluate.metrics.face={name='face', judge='x'}") if "metrics.face needs" in said]
    assert len(told) == (0 if len(installed) == 2 else 1)
    assert all("onnxruntime" in said and "pip install 'staytrue[faces]'" in said for said in told)
    assert [said for said in told if "insightface" in said] == ([] if installed else told)
    assert not [said for said in warned() if "insightface" in said]


def test_a_word_that_a_row_starts_from_is_to_be_known():
    """Custom Diffusion's own words are none of the miniature's, so the rows would start from pieces of them."""
    rows = "train.adapter.name=cross_attention"
    assert unknown_words(changed(rows)) == ["ktn", "pll"]
    assert not unknown_words(changed(rows, "train.adapter.initializers=['prax', 'unzi']"))


def test_without_git_there_is_no_commit(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert commit() is None


def test_a_prompt_that_is_cut_off_is_said():
    """The miniature reads 30 tokens."""
    long = "a {} " + "on the beach " * 10
    assert not [said for said in warned() if "tokens" in said]
    place = [f"generate.guides.subject.place={'on the beach ' * 10}", "generate.guides.subject.weight=1"]
    assert [said for said in warned(*place) if "4 of " in said and "tokens" in said]  # each subject, and its class
    assert "generate.guides.subject has no effect: its weight is 0" in warned(place[0])
    assert unknown_words(changed("generate.guides.subject.place=on a zeppelin", place[1])) == ["zeppelin"]
    [said] = [said for said in warned(f'generate.prompts=["a {{}}", "{long.strip()}"]') if "tokens" in said]
    assert "reads 30 tokens; 2 of 4 prompts are longer" in said
    [said] = [
        said
        for said in warned('generate.prompts=["a {}"]', f"generate.suffix=without {'noise ' * 30}")
        if "tokens" in said
    ]
    assert "it does not read 'noise" in said
