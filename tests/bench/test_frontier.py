"""Frontiers by hand, and a second, naive version."""

import itertools

import numpy as np
import pytest

from staytrue.bench.frontier import PLACES, envelope, frontiers, gap, span
from tests.bench.records import record, results


def test_the_envelope_by_hand():
    """(.5, .3) has less of both than (.6, .4); of two points with equal composition the one with more identity stays."""
    points = np.array([[0.5, 0.3], [0.9, 0.1], [0.6, 0.4], [0.2, 0.7], [0.2, 0.6]])
    assert envelope(points).tolist() == [[0.2, 0.7], [0.6, 0.4], [0.9, 0.1]]


def test_the_gap_of_parallel_lines():
    """Both fall by 1 for 1; mine is 0.1 above wherever both are."""
    mine, theirs = np.array([[0.2, 0.9], [0.6, 0.5]]), np.array([[0.4, 0.6], [0.8, 0.2]])
    assert gap(mine, theirs) == pytest.approx(0.1)
    assert gap(theirs, mine) == pytest.approx(-0.1)
    assert gap(mine, mine) == 0


def test_where_one_begins_beyond_the_others_end():
    """Theirs ends at composition .4 with identity .5; mine has .3 already at .6, and so at .4, too."""
    mine, theirs = np.array([[0.6, 0.3], [0.7, 0.2]]), np.array([[0.3, 0.8], [0.4, 0.5]])
    assert gap(mine, theirs) == pytest.approx(0.3 - 0.5)
    assert span(mine, theirs) == span(theirs, mine) == (0.4, 0.4)


def test_what_one_alone_reaches_does_not_count():
    """Theirs reaches down to composition 0 with identity 2; both are the same from .4 to .6, where mine ends."""
    theirs = np.array([[0, 2], [0.4, 0.5], [0.8, 0.1]])
    mine = np.array([[0.4, 0.5], [0.6, 0.3]])
    assert span(mine, theirs) == (0.4, 0.6)
    assert gap(mine, theirs) == pytest.approx(0)


def naive_identity(points, composition):
    """The most identity at no less than this composition, of any point or any mix of two."""
    best = -1.0
    for (c, i), (d, j) in itertools.product(points, repeat=2):
        for share in np.linspace(0, 1, 2001):
            if share * c + (1 - share) * d >= composition - 1e-9:
                best = max(best, share * i + (1 - share) * j)
    return best


def test_on_a_concave_frontier_it_is_the_best_mix():
    """Where the envelope is concave, interpolating between neighbors is the best mix of any two points."""
    mine, theirs = np.array([[0.1, 0.9], [0.5, 0.8], [0.8, 0.4]]), np.array([[0.2, 0.6], [0.6, 0.5], [0.7, 0.1]])
    places = np.linspace(0.2, 0.7, PLACES)
    expected = np.mean([naive_identity(mine, c) - naive_identity(theirs, c) for c in places])
    assert gap(mine, theirs) == pytest.approx(expected, abs=1e-3)


def point(arm, at, rows, **more):
    """Results of one setting: subject, or (subject, seed) -> (composition, identity)."""
    records = []
    for who, (composition, identity) in rows.items():
        subject, seed = who if isinstance(who, tuple) else (who, 0)
        row = record(subject, (0, 0, 0), seed, **more)
        places = {name: row["columns"].index(name) for name in ("composition", "identity_heldout")}
        for picture in row["images"]:
            picture[places["composition"]], picture[places["identity_heldout"]] = composition, identity
        records.append(row)
    return results(f"{arm} {at}", *records, arm=arm, at={"train.steps": at})


def test_arms_are_compared_over_the_subjects_that_all_their_points_have():
    a = [
        point("a", 1, {"x": (0.2, 0.9), "y": (0.2, 0.7), "z": (0, 0)}),
        point("a", 2, {"x": (0.6, 0.5), "y": (0.6, 0.3)}),
    ]
    b = [point("b", 1, {"x": (0.2, 0.8), "y": (0.2, 0.6)}), point("b", 2, {"x": (0.6, 0.4), "y": (0.6, 0.2)})]
    found = frontiers([*a, *b, point("alone", 0, {"x": (1, 1)})])
    assert found.keys() == {"a-vs-b", "b-vs-a"}
    row = found["a-vs-b"]
    over = {"from": 0.2, "to": 0.6}
    assert (
        row["identity_heldout"] == {"mean": pytest.approx(0.1), "ci95": [pytest.approx(0.1), pytest.approx(0.1)]} | over
    )
    assert (row["subjects"], row["seeds"]) == (2, 1)


def test_what_was_asked_is_compared_at_matched_conditions_and_only_where_all_was_judged():
    """Conditions and identity_asked of the same numbers have the same gap; one run from before these scores, and there is none."""

    def asked(row):
        names = {"conditions": "composition", "identity_asked": "identity_heldout"}
        places = {row["columns"].index(new): row["columns"].index(old) for new, old in names.items()}
        for picture in row["images"]:
            for new, old in places.items():
                picture[new] = picture[old]
        return row

    lines = {"a": ((1, 0.2, 0.9), (2, 0.6, 0.5)), "b": ((1, 0.2, 0.8), (2, 0.6, 0.4))}
    some = [point(arm, at, {"x": (c, i)}) for arm, line in lines.items() for at, c, i in line]
    for r in some:
        asked(r.records[0])
    assert frontiers(some)["a-vs-b"]["identity_asked"]["mean"] == pytest.approx(0.1)
    assert frontiers(some)["b-vs-a"]["identity_asked"]["mean"] == pytest.approx(-0.1)
    place = some[3].records[0]["columns"].index("conditions")
    for picture in some[3].records[0]["images"]:
        picture[place] = None
    assert frontiers(some)["a-vs-b"].keys() == {"identity_heldout", "subjects", "seeds"}


def test_the_interval_draws_designs():
    """One design is better by .4, the other by 0: standard error .2, with one degree of freedom."""
    a = [point("a", at, {"x": (c, i + 0.4), "y": (c, i)}) for at, c, i in ((1, 0.2, 0.5), (2, 0.6, 0.3))]
    b = [point("b", at, {"x": (c, i), "y": (c, i)}) for at, c, i in ((1, 0.2, 0.5), (2, 0.6, 0.3))]
    row = frontiers([*a, *b])["a-vs-b"]["identity_heldout"]
    assert row["mean"] == pytest.approx(0.2)
    assert row["ci95"] == [pytest.approx(0.2 - 12.706 * 0.2, rel=0.05), pytest.approx(0.2 + 12.706 * 0.2, rel=0.05)]


def test_twins_are_one_design():
    """Two subjects of one design are drawn together: there is nothing to draw from."""
    lines = {arm: [(1, 0.2, 0.5), (2, 0.6, 0.3)] for arm in ("a", "b")}
    some = [
        point(arm, at, {"x": (c, i + 0.4 * (arm == "a")), "y": (c, i)}, design="twins")
        for arm, line in lines.items()
        for at, c, i in line
    ]
    found, over = frontiers(some), {"from": 0.2, "to": 0.6}
    assert found["a-vs-b"]["identity_heldout"] == {"mean": pytest.approx(0.2), "ci95": None} | over
    assert found["b-vs-a"]["identity_heldout"] == {"mean": pytest.approx(-0.2), "ci95": None} | over


def test_a_subject_s_seeds_are_averaged():
    """Seeds of a gap of .4 and of 0."""
    some = [
        point(arm, at, {("x", 0): (c, i + 0.4 * (arm == "a")), ("x", 1): (c, i)})
        for arm in ("a", "b")
        for at, c, i in ((1, 0.2, 0.5), (2, 0.6, 0.3))
    ]
    row = frontiers(some)["a-vs-b"]
    assert row["identity_heldout"]["mean"] == pytest.approx(0.2)
    assert (row["subjects"], row["seeds"]) == (1, 2)


def test_arms_of_unequally_many_points_are_not_compared():
    rows = {"x": (0.2, 0.5)}
    assert frontiers([point("a", 1, rows), point("a", 2, rows), *(point("b", at, rows) for at in (1, 2, 3))]) == {}
