"""Files of results: what other settings left there is never lost, and every record says what made it."""

from threading import Thread

import pytest
from rich.console import Console

from staytrue.bench import results
from staytrue.bench.minibench import Asked, minibench, name_replaced, plan, suites
from staytrue.bench.results import add, in_the_way, read_results, results_in, so_far
from tests.bench.records import record

JUDGES = {"clip": {"judge": "a CLIP", "sha256": "ab"}}


def one(home, **bench):
    asked = Asked(recipes=("dreambooth",), out=home / "minibench", bench=bench)
    [setting] = plan(suites(asked)[0], asked).settings
    return setting


def put(setting, subject, seed=0, **more):
    add(setting, "minibench", record(subject, (0.1, 0.2, 0.3), seed, judges=JUDGES, **more))


def test_results_of_other_settings_are_moved_aside_and_not_read(tmp_path):
    before, after = one(tmp_path), one(tmp_path, images_per_prompt=2)
    assert before.file == after.file
    put(before, "can")
    put(before, "cat2")
    there = before.file.read_text()
    aside = tmp_path / "minibench" / "replaced" / f"dreambooth-{before.key[:12]}.json"
    assert in_the_way(before) is None
    assert in_the_way(after) == (read_results(before.file), aside)
    assert not aside.exists()  # nothing is lost by asking
    put(after, "can")
    put(after, "dog6")
    assert aside.read_text() == there
    assert {r["subject"] for r in so_far(after)} == {"can", "dog6"}
    assert [r.header["key"] for r in results_in(tmp_path / "minibench")] == [after.key]


def test_what_makes_room_twice_is_together(tmp_path):
    before, after = one(tmp_path), one(tmp_path, images_per_prompt=2)
    for setting, subject in ((before, "can"), (after, "can"), (before, "cat2"), (after, "dog6")):
        put(setting, subject)
    aside = tmp_path / "minibench" / "replaced"
    kept = {file.name: [r["subject"] for r in read_results(file).records] for file in aside.iterdir()}
    assert kept[f"dreambooth-{before.key[:12]}.json"] == ["can", "cat2"]
    assert kept[f"dreambooth-{after.key[:12]}.json"] == ["can"]


def test_a_command_beside_another_loses_nothing_of_it(tmp_path, monkeypatch):
    """Both read the file, both write it: the second waits until the first has."""
    setting, write = one(tmp_path), results._write
    beside = Thread(target=put, args=(setting, "cat2"))

    def slow(*given):
        if beside.ident is None:
            beside.start()
            beside.join(timeout=0.5)
        write(*given)

    monkeypatch.setattr(results, "_write", slow)
    put(setting, "can")
    beside.join()
    assert {r["subject"] for r in so_far(setting)} == {"can", "cat2"}


def test_it_is_said_before_anything_is_trained(tmp_path, monkeypatch, capsys):
    before = one(tmp_path, runs=tmp_path / "runs")
    put(before, "can")
    put(before, "cat2")
    monkeypatch.setattr("staytrue.bench.measure.measure", lambda *_: pytest.fail("stopped here"))
    bench = {"images_per_prompt": 2, "runs": tmp_path / "runs"}
    with pytest.raises(BaseException, match="stopped here"):
        minibench(Asked(recipes=("dreambooth",), subjects="can", out=tmp_path / "minibench", bench=bench), device="cpu")
    said = capsys.readouterr().err
    assert "dreambooth.json holds 2 runs of other settings" in said
    assert f"replaced/dreambooth-{before.key[:12]}.json" in said.replace("\n", "")
    assert len(read_results(before.file).records) == 2
    with (tmp_path / "said").open("w") as file:
        name_replaced([before], Console(file=file))
    assert (tmp_path / "said").read_text() == ""


def test_a_record_says_its_versions_where_they_are_not_the_last_run_s(tmp_path, monkeypatch):
    """The can is of torch 1, the cat of torch 2, and so is the can's second seed; the header is of the last run."""
    setting = one(tmp_path)

    def of(torch, subject, seed=0):
        monkeypatch.setattr("staytrue.bench.results.versions", lambda: {"torch": torch})
        put(setting, subject, seed, versions={"torch": torch})
        found = read_results(setting.file)
        return found.header["versions"]["torch"], {
            f"{r['subject']} {r['seed']}": r["versions"]["torch"] for r in found.records if "versions" in r
        }

    assert of("1", "can") == ("1", {})
    assert of("2", "cat2") == ("2", {"can 0": "1"})
    assert of("2", "can", 1) == ("2", {"can 0": "1"})
    assert of("1", "dog6") == ("1", {"can 1": "2", "cat2 0": "2"})
    again = next(r for r in so_far(setting) if r["subject"] == "cat2")
    add(setting, "minibench", again | {"judges": JUDGES})  # looked at again, not made again
    assert [r["versions"]["torch"] for r in so_far(setting)] == ["1", "2", "2", "1"]


def test_a_file_of_before_records_had_versions_is_of_its_header_s(tmp_path, monkeypatch):
    setting = one(tmp_path)
    put(setting, "can")  # no versions of its own
    before = read_results(setting.file).header["versions"]
    monkeypatch.setattr("staytrue.bench.results.versions", lambda: {"torch": "later"})
    put(setting, "cat2")
    assert {r["subject"]: r.get("versions") for r in read_results(setting.file).records} == {
        "can": before,
        "cat2": None,
    }
