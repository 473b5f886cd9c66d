"""Tables and figures from files alone."""

import re
import xml.dom.minidom
from itertools import pairwise

import pytest

from staytrue.bench.ceiling import ceiling
from staytrue.bench.minibench import Asked, plan, suites
from staytrue.bench.plots import along, make_plots, trade
from staytrue.bench.results import NOT_RESULTS, read_results, results_in
from staytrue.bench.svg import Panel, Point, Series, figure, look, ticks
from staytrue.bench.tables import fill_block, make_tables, markdown
from staytrue.errors import ConfigError
from staytrue.runs import read_json, write_json
from tests.bench.records import record, results


@pytest.fixture
def pair():
    a = results("data-perspective", *(record("dog", (0.6, 0.8, 0), seed) for seed in (0, 1)))
    b = results("dreambooth", *(record("dog", (0.5, 0.5, 0), seed) for seed in (0, 1)))
    return [a, b]


def save(folder, some):
    for r in some:
        write_json(folder / f"{r.label}.json", r.header | {"runs": list(r.records)})


def test_markdown_has_the_numbers_by_hand(pair):
    """Main list: (.6 + .8) / 2 and .5, difference .2; seen is the beach (.6), unseen the red dog (.8)."""
    text = markdown(pair, "reporting")
    assert "| data-perspective | 0.700 |" in text
    assert "| dreambooth - data-perspective | -0.200 |" in text
    assert re.search(r"\| data-perspective \| 0\.600 \| 0\.800 \|", text)
    assert "1 subjects of 1 designs (reporting), 4 runs, 24 pictures" in text
    assert "no headline" not in text
    assert len({line.count("|") for line in text.split("\n\n")[1].splitlines()}) == 1


def test_every_row_says_whether_the_guard_was_on_and_the_prompts_were_in_the_set(tmp_path):
    def made(label, **regularize):
        return results(label, record("dog", (0.5, 0.5, 0)), config={"regularize": {"name": "structured"} | regularize})

    some = [
        made("guarded", leak_guard=True, evaluation_prompts=False),
        made("as the paper", leak_guard=False, evaluation_prompts=True),
        made("a file", leak_guard=True, evaluation_prompts="prompts.txt"),
        made("one prompt", name="class_prompt"),
        results("photos", record("dog", (0.5, 0.5, 0)), recipe="real-photos"),
    ]
    text = markdown(some, "reporting")
    assert "| guarded | structured | on | no |" in text
    assert "| as the paper | structured | off | yes |" in text
    assert "| a file | structured | on | listed ones |" in text
    assert "| one prompt | class_prompt | none | no |" in text
    assert "| photos | nothing is trained |  |  |" in text
    save(tmp_path / "s", some[:1])
    make_tables(Asked(subjects="reporting", out=tmp_path / "s"))
    assert read_json(tmp_path / "s" / "summary.json")["seen"]["guarded"]["composition"]["seen"]["mean"] == 0.5


def test_a_kind_that_only_some_subjects_are_asked_for_has_its_column(pair):
    dog = record("cat", (0.5, 0.4, 0))
    dog["prompts"] = [p | {"kind": "motion"} if p["kind"] == "color" else p for p in dog["prompts"]]
    some = [r.__class__(r.header, (*r.records, dog)) for r in pair]
    assert "|  | all | place | color | motion |" in markdown(some, "reporting")


def test_ideal_pictures_are_a_row_beside_the_same_subjects_and_prompts(tmp_path, pair):
    """The pair is asked p0 and p1; of the ideal, .9 and .7 count, and not the .1 of another prompt or the cat."""
    dog = record("dog", (0.9, 0.7, 0.1))
    dog["prompts"][2] |= {"list": "prompts", "id": "p2"}
    save(tmp_path / "ideal", [results("ideal", dog, record("cat", (0, 0, 0)))])
    save(tmp_path / "some", pair)
    page = tmp_path / "page.md"
    page.write_text("<!-- minibench: -->\n<!-- end of minibench -->\n")
    asked = Asked(subjects="reporting", out=tmp_path / "some", bench={"into": str(page)})
    make_tables(asked)
    assert "| ideal | 0.800 |" in page.read_text()
    assert "ideal" in make_plots(asked)[0].read_text()
    rows = (tmp_path / "some" / "table.md").read_text().partition("By kind")[2]
    assert "| ideal | 0.800 | 0.900 | 0.700 |" in rows
    one_more = record("dog", (0.6, 0.8, 0))
    one_more["prompts"][0] |= {"id": "p9"}  # nobody drew that
    assert ceiling([results("a", one_more)], tmp_path) is None
    assert ceiling([results("a", record("owl", (0, 0, 0)))], tmp_path) is None
    other = results("a", record("dog", (0, 0, 0)), judges={"clip": {"judge": "another", "sha256": "cd"}})
    assert ceiling([other], tmp_path) is None
    assert ceiling(pair, tmp_path / "nowhere") is None


def test_intervals_need_two_designs(pair):
    """Differences of .2 and .2: a point; from one design alone nothing is known of others."""
    two = [r.__class__(r.header, (*r.records, shifted)) for r, shifted in zip(pair, shifted_by_one(), strict=True)]
    assert "| dreambooth - data-perspective (one seed: no headline) | -0.200 [-0.200, -0.200] |" in markdown(
        two, "reporting"
    )
    assert "| dreambooth - data-perspective | -0.200 |" in markdown(pair, "reporting")


def shifted_by_one():
    return record("cat", (0.3, 0.5, 0)), record("cat", (0.2, 0.2, 0))


def test_rows_of_fewer_runs_say_so(pair):
    a, b = pair
    text = markdown([a.__class__(a.header, a.records[:1]), b], "reporting")
    assert "| data-perspective (1 of 2 runs) | 0.700 |" in text
    assert "| dreambooth | 0.500 |" in text


def test_photos_under_their_own_captions_are_a_row_and_in_no_difference(tmp_path, pair):
    """They neither hide the ideal, nor count as unseen, nor are compared with pictures of other prompts."""
    photos = record("dog", (0.9, 0.8, 0.7))
    photos["prompts"] = [
        p | {"list": "photos", "id": f"photos/{i}", "seen": {"background": False}}
        for i, p in enumerate(photos["prompts"])
    ]
    save(tmp_path / "ideal", [results("ideal", record("dog", (0.9, 0.7, 0.1)))])
    some = [results("real photos", photos), *pair]
    save(tmp_path / "some", some)
    make_tables(Asked(subjects="reporting", out=tmp_path / "some"))
    text = (tmp_path / "some" / "table.md").read_text()
    assert "| real photos (1 of 2 runs) | 0.800 |" in text
    assert "| ideal | 0.800 |" in text
    assert "real photos - " not in text
    assert "- real photos" not in text
    assert read_json(tmp_path / "some" / "summary.json")["paired"].keys() == {
        "data-perspective-vs-dreambooth",
        "dreambooth-vs-data-perspective",
    }
    assert re.search(r"\| real photos \(1 of 2 runs\) \|  \|  \|", text)


def test_a_look_at_some_subjects_does_not_choose_for_a_search(tmp_path):
    (tmp_path / "s.toml").write_text(
        'name = "s"\nsubjects = "can,cat2"\nchoose = true\n[[arms]]\nlabel = "a"\nrecipe = "dreambooth"\n[bench]\nseeds = [0, 1]\n'
    )
    out, told = tmp_path / "s", {"suite": str(tmp_path / "s.toml")}
    some = [record(name, (0.5, 0.5, 0), seed) for name in ("can", "cat2") for seed in (0, 1)]
    save(out, [results("a", *some[:2])])
    make_tables(Asked(subjects="can", out=out, bench=told))
    assert not (out / "chosen.json").exists()
    save(out, [results("a", *some[:3])])
    with pytest.raises(ConfigError, match="not finished"):
        make_tables(Asked(out=out, bench=told))
    further = record("can", (0.5, 0.5, 0), seed=2)  # is none of those that lack
    save(out, [results("a", *some[:3], further)])
    with pytest.raises(ConfigError, match="missing: a"):
        make_tables(Asked(out=out, bench=told))
    save(out, [results("a", *some)])
    make_tables(Asked(out=out, bench=told))
    assert read_json(out / "chosen.json").keys() == {"a"}


@pytest.mark.parametrize("part", [{"assignments": ("train.steps=200",)}, {"quick": True, "subjects": "can"}], ids=str)
def test_a_part_of_a_search_s_grid_chooses_nothing(tmp_path, part):
    """Neither the one point that the command line gives, nor those that a quick look leaves; whole it is not finished."""
    (tmp_path / "s.toml").write_text(
        'name = "s"\nsubjects = "can"\nchoose = true\n[[arms]]\nlabel = "a"\nrecipe = "dreambooth"\n'
        '[grid]\n"train.steps" = [200, 400]\n'
    )
    out, told = tmp_path / "s", {"suite": str(tmp_path / "s.toml")}
    save(out, [results("a steps=200", record("can", (0.5, 0.5, 0)), arm="a", at={"train.steps": 200})])
    assert out / "table.md" in make_tables(Asked(out=out, bench=told, **part))
    assert not (out / "chosen.json").exists()
    with pytest.raises(ConfigError, match="not finished"):
        make_tables(Asked(out=out, bench=told))


@pytest.mark.parametrize("differ", ["prompts", "number of pictures"])
def test_results_on_other_prompts_cannot_be_compared(tmp_path, pair, differ):
    other = record("dog", (0.5, 0.5, 0))
    if differ == "prompts":
        other["prompts"] = [p | {"id": f"other {p['id']}"} for p in other["prompts"]]
    else:
        other["images"] = other["images"] * 2
    save(tmp_path, [*pair, results("c", other)])
    with pytest.raises(ConfigError, match="different prompts of dog"):
        results_in(tmp_path)


def test_one_seed_is_no_headline(pair):
    one = [r.__class__(r.header, r.records[:1]) for r in pair]
    assert "(one seed: no headline)" in markdown(one, "reporting")


def test_files_to_tables_and_figures(tmp_path, pair):
    out = tmp_path / "minibench"
    save(out, pair)
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- minibench: -->\nold\n<!-- end of minibench -->\nafter\n")
    asked = Asked(subjects="reporting", out=out, bench={"into": str(page)})
    assert tmp_path / "summary.json" in make_tables(asked)
    first = (out / "table.md").read_text()
    short = page.read_text()
    assert short.startswith("before\n<!-- minibench: -->\n1 subjects of 1")
    assert "| data-perspective | 0.700 | 0.700 |" in short
    assert "| dreambooth - data-perspective | -0.200 |" in short
    assert "diversity" not in short
    assert "old" not in short
    assert read_json(tmp_path / "summary.json")["paired"]["data-perspective-vs-dreambooth"]["seeds"] == 2
    make_tables(asked)  # what it wrote is not read as results
    assert (out / "table.md").read_text() == first
    [figure_file] = make_plots(asked)
    xml.dom.minidom.parse(str(figure_file))


def test_a_page_has_the_differences_of_those_that_train_the_same_weights(tmp_path):
    def made(label, adapter):
        config = {"regularize": {"name": "none"}, "train": {"adapter": {"name": adapter}}}
        return results(label, record("dog", (0.5, 0.5, 0)), config=config)

    labels = {"a": "full", "a-lora": "lora", "b": "full", "b-lora": "lora"}
    save(tmp_path / "s", [made(*each) for each in labels.items()])
    assert [r.label for r in results_in(tmp_path / "s")] == list(labels)
    page = tmp_path / "page.md"
    page.write_text("<!-- minibench: -->\n<!-- end of minibench -->\n")
    make_tables(Asked(subjects="reporting", out=tmp_path / "s", bench={"into": str(page)}))
    said = " (one seed: no headline)"
    assert re.findall(r"^\| (\S+ - .*?) \|", page.read_text(), re.MULTILINE) == [
        f"b - a{said}",
        f"b-lora - a-lora{said}",
    ]
    whole = (tmp_path / "s" / "table.md").read_text()
    assert len(re.findall(r"^\| (\S+ - .*?) \|", whole, re.MULTILINE)) == 6


def test_without_words_tables_are_of_whom_the_recipes_are_run_on_and_errors_name_who_is_there(tmp_path, pair):
    out = tmp_path / "minibench"
    save(out, pair)
    for make in (make_tables, make_plots):
        with pytest.raises(ConfigError, match=r"'tuning'; there are some on reporting \(dog\): name these"):
            make(Asked(out=out))


def test_arms_without_results_are_named_and_a_table_needs_one(tmp_path, pair, capsys):
    """In the folder of the main table, where other suites have results, too."""
    out, file = tmp_path / "minibench", tmp_path / "s.toml"
    save(out, pair)
    head = 'name = "minibench"\nsubjects = "reporting"\n'
    lora, own = (f'[[arms]]\nlabel = "{label}"\nrecipe = "dreambooth"\n' for label in ("lora", "dreambooth"))
    asked = Asked(out=out, bench={"suite": str(file)})
    file.write_text(head + lora)
    for make in (make_tables, make_plots):
        with pytest.raises(ConfigError, match="are of lora, and the suite has no other arms"):
            make(asked)
    assert not (tmp_path / "summary.json").exists()
    file.write_text(head + lora + own)
    make_tables(asked)
    assert "on the subjects 'reporting' are of lora; the others are shown" in capsys.readouterr().err
    file.write_text(head + own)
    make_tables(asked)
    assert capsys.readouterr().err == ""


def test_a_quick_look_is_read_where_it_was_written(tmp_path, pair):
    """Four subjects, in the folder of results that the same command of ``minibench`` fills."""
    quick = Asked(quick=True, bench={"runs": str(tmp_path)})
    [out] = {one.out for one in plan(suites(quick)[0], quick).settings}
    save(out, [r.__class__(r.header, (*r.records, record("can", (0.1, 0.1, 0)))) for r in pair])
    written = [*make_tables(quick), *make_plots(quick)]
    assert written == [out / name for name in ("summary.json", "table.md", "trade.svg")]
    assert "(can,robot_toy,cat2,dog6), 2 runs" in written[1].read_text()


def test_a_quick_look_s_tables_miss_no_point_that_it_does_not_run(tmp_path, capsys):
    file = tmp_path / "s.toml"
    file.write_text(
        'name = "s"\n[[arms]]\nlabel = "a"\nrecipe = "dreambooth"\n[grid]\n"train.steps" = [100, 200, 400]\n'
    )
    quick = Asked(quick=True, bench={"runs": str(tmp_path), "suite": str(file)})
    settings = plan(suites(quick)[0], quick).settings
    save(settings[0].out, [results(s.variant.label, record("can", (0.5, 0.5, 0)), arm="a") for s in settings])
    assert [s.variant.label for s in settings] == ["a steps=100", "a steps=200"]
    make_tables(quick)
    assert capsys.readouterr().err == ""


def test_the_headline_is_of_the_reporting_subjects_alone(tmp_path, pair):
    """The can is for tuning: its tables and figures are made beside those of the dog, who is for reporting."""
    out = tmp_path / "minibench"
    save(out, [r.__class__(r.header, (*r.records, record("can", (0.1, 0.1, 0), split="tuning"))) for r in pair])
    reporting, others = Asked(subjects="reporting", out=out), (Asked(out=out), Asked(subjects="can,dog", out=out))
    headline = [*make_tables(reporting), *make_plots(reporting)]
    assert headline == [tmp_path / "summary.json", out / "table.md", out / "trade.svg"]
    before = [file.read_text() for file in headline]
    made = [make_tables(other) + make_plots(other) for other in others]
    names = ("summary.json", "table.md", "trade.svg")
    assert made == [[out / folder / name for name in names] for folder in ("tuning", "can_dog")]
    assert "1 subjects of 1 designs (tuning)" in made[0][1].read_text()
    assert [file.read_text() for file in headline] == before


def test_a_page_without_the_block_is_refused(tmp_path):
    page = tmp_path / "README.md"
    page.write_text("nothing")
    with pytest.raises(ConfigError, match="minibench"):
        fill_block(page, "x")


def test_other_judges_cannot_be_compared(tmp_path, pair):
    other = results("other", record("dog", (0, 0, 0)), judges={"clip": {"judge": "another", "sha256": "cd"}})
    save(tmp_path, [*pair, other])
    with pytest.raises(ConfigError, match="different judges"):
        results_in(tmp_path)


def test_what_is_no_result_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no results in"):
        results_in(tmp_path / "nothing")
    (tmp_path / "x.json").write_text("[1]")
    with pytest.raises(ConfigError, match=r"x\.json is not a file of results"):
        read_results(tmp_path / "x.json")
    assert {"summary.json", "chosen.json"} == NOT_RESULTS


def test_arms_that_train_at_different_speeds_are_drawn_along_their_seconds():
    """Two steps of one arm take 10 and 20 s, the same steps of the other 4 and 8; both points of an arm are on one line."""

    def made(arm, steps, seconds):
        one = record("dog", (0.5, 0.5, 0))
        one["seconds"] |= {"training": seconds}
        return results(f"{arm} {steps}", one, arm=arm, at={"train.steps": steps})

    some = [made("full", 200, 20), made("full", 100, 10), made("lora", 100, 4), made("lora", 200, 8)]
    lines = {line.name: [p.x for p in line.points] for line in along(some, "identity_heldout", "seconds").series}
    assert lines == {"full": [10, 20], "lora": [4, 8]}


def test_scores_of_fewer_subjects_or_pictures_than_their_row_say_so(tmp_path, pair):
    """The cat has nobody to be mistaken for, whoever draws it; of a's dog a picture has no identity_asked, and of its cat all."""
    cats = [record("cat", (0.5, 0.5, 0)) for _ in pair]
    for cat in cats:
        blank(cat, "recall_at_1", range(6))
    blank(cats[0], "identity_asked", range(6))
    blank(pair[0].records[1], "identity_asked", [0])
    blank(pair[0].records[1], "composition", [4, 5])  # not of the main list
    some = [r.__class__(r.header, (*r.records, cat)) for r, cat in zip(pair, cats, strict=True)]
    text = markdown(some, "reporting")
    told = "identity_asked 1 of 2 subjects, 7 of 12 pictures (data-perspective); recall_at_1 1 of 2 subjects."
    assert f"|\n\nNot of all: {told}\n\nDifferences" in text
    assert "|\n\nNot of all: identity_asked 1 of 2 subjects; recall_at_1 1 of 2 subjects.\n\nBy condition" in text
    page = tmp_path / "page.md"
    page.write_text("<!-- minibench: -->\n<!-- end of minibench -->\n")
    save(tmp_path / "s", some)
    make_tables(Asked(subjects="reporting", out=tmp_path / "s", bench={"into": str(page)}))
    assert "Not of all: identity_asked 1 of 2 subjects, 7 of 12 pictures (data-perspective).\n" in page.read_text()
    assert "Not of all" not in markdown([pair[1]], "reporting")


def blank(row, metric, places):
    for place in places:
        row["images"][place][row["columns"].index(metric)] = None


def test_seconds_that_nobody_knows_are_in_no_mean(pair):
    """Of dreambooth's two runs one drew for 3 s; of the other's none is known."""
    known, *kept = [rec["seconds"] for r in reversed(pair) for rec in r.records]
    known["images"] = 3
    for seconds in kept:
        seconds["images"] = None
    text = markdown(pair, "reporting").rpartition("Mean seconds")[2]
    assert "| dreambooth | 2.0 | 2.0 | 2.0 | 2.0 | 3.0 | 2.0 | 10 | cpu |" in text
    assert "| data-perspective | 2.0 | 2.0 | 2.0 | 2.0 |  | 2.0 | 10 | cpu |" in text


def test_what_was_asked_is_drawn_with_the_ideal_beside_it_and_only_where_it_was_judged(pair):
    axes = ("conditions", "identity_asked")
    panel = trade(pair, axes, results("ideal", record("dog", (0.9, 0.9, 0))))
    assert [line.name for line in panel.series] == ["data-perspective", "dreambooth", "ideal"]
    before = [results("a", record("dog", (0.5, 0.5, 0)) | {"columns": ["prompt", "number"], "images": [[0, 0]]})]
    assert trade(before, axes, pair[0]).series == []


def test_lines_along_the_grid_are_in_order():
    some = [
        results(f"a {n}", record("dog", (n / 1000,) * 3), arm="a", at={"train.steps": n, "photos": 1})
        for n in (400, 100, 200)
    ]
    panel = along([*some, results("elsewhere", record("dog", (0, 0, 0)))], "composition", "train.steps")
    [line] = panel.series
    assert line.name == "a, photos 1"
    assert [(p.x, p.y) for p in line.points] == [(100, 0.1), (200, 0.2), (400, 0.4)]


def test_a_figure_is_whole_xml_with_every_point(pair):
    panel = trade(pair)
    text = figure([panel, panel, panel])
    xml.dom.minidom.parseString(text)
    assert text.count('class="point"') == 3 * 2 + 2  # points, and the legend
    assert "nan" not in text


def test_intervals_at_the_same_place_do_not_hide_one_another():
    """Along a grid; where a point's place across is a score itself, it stays where it is."""

    def places(*points, lines=2, gridded=True):
        series = [Series(f"line {number}", points) for number in range(lines)]
        text = figure([Panel("t", "x", "y", series, gridded)])
        return [float(x) for x in re.findall(r'class="point" d="M([\d.]+) ', text)[:lines]]

    first, second = places(Point(1, 2, None, (1, 3)))
    assert second - first == pytest.approx(2.5, abs=0.11)
    for points in ([Point(1, 2)], [Point(1, 2, (0, 2), (1, 3))]):
        first, second = places(*points)
        assert first == second
    measured, again = places(Point(1, 2, None, (1, 3)), gridded=False)
    assert measured == again
    many = places(Point(1, 2, None, (1, 3)), lines=12)
    assert max(many) - min(many) < 15


def test_no_two_names_of_a_figure_look_alike():
    assert len({look(i) for i in range(24)}) == 24
    names = [f"arm {i}" for i in range(13)]
    text = figure([Panel("t", "x", "y", [Series(name, [Point(i, i)]) for i, name in enumerate(names)])])
    xml.dom.minidom.parseString(text)
    points = re.findall(r'class="point" d="M[\d.]+ [\d.]+(.*?)" fill="(.*?)"', text)
    assert len(points) == 26
    assert len(set(points[:13])) == len(set(points[13:])) == 13


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-0.013, 0.021), (95, 2005), (0.5, 0.50001)])
def test_ticks_are_few_round_and_inside(low, high):
    found = ticks(low, high)
    assert 2 <= len(found) <= 6
    assert all(low <= t <= high for t in found)
    steps = {round((b - a) / (found[1] - found[0]), 6) for a, b in pairwise(found)}
    assert steps == {1}


def test_arms_with_several_points_are_compared_at_matched_composition(tmp_path):
    """Two points each, on the same line of composition: a has .2 more identity at both."""
    for arm, more in (("a", 0.2), ("b", 0.0)):
        for at, composition, identity in ((100, 0.2, 0.6), (200, 0.4, 0.5)):
            row = record("dog", (0, 0, 0))
            for picture in row["images"]:
                picture[row["columns"].index("composition")] = composition
                picture[row["columns"].index("identity_heldout")] = identity + more
            save(tmp_path / "s", [results(f"{arm} {at}", row, arm=arm, at={"train.steps": at})])
    asked = Asked(subjects="all", out=tmp_path / "s")
    make_tables(asked)
    matched = read_json(tmp_path / "s" / "summary.json")["frontiers"]
    assert matched["a-vs-b"]["identity_heldout"]["mean"] == pytest.approx(0.2)
    assert matched["b-vs-a"]["identity_heldout"] == {"mean": pytest.approx(-0.2), "ci95": None, "from": 0.2, "to": 0.4}
    assert "| a - b (one seed: no headline) | +0.200 over 0.200 to 0.400 |" in (tmp_path / "s" / "table.md").read_text()
    names = {file.name for file in make_plots(asked)}
    assert names == {"trade.svg", "frontier.svg"}
    xml.dom.minidom.parse(str(tmp_path / "s" / "frontier.svg"))
