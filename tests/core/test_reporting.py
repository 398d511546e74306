"""The parts of a report: confusions, marked differences, escaped texts and charts."""

import pytest

from s2s_core.evaluation.answers import Answered
from s2s_core.evaluation.confusions import Confusion, Confusions, align
from s2s_core.reporting.answers import marked
from s2s_core.reporting.chart import Line, heat_map, line_chart, ticks
from s2s_core.reporting.markup import plain, shown


def test_confusions_are_counted_by_the_fewest_edits():
    """The commonest first; of several references the nearest one counts, and right answers have occurrences alone."""
    answered = Answered(
        ["s1", "s2", "s3", "s4"],
        [["abc"], ["abd", "xxxx"], ["ab"], ["c"]],
        ["abx", "abx", "a", "cc"],
    )
    found = Confusions.of(answered, list)
    assert list(found.pairs) == [
        Confusion("b", None, 1, "s3"),
        Confusion("c", "x", 1, "s1"),
        Confusion("d", "x", 1, "s2"),
        Confusion(None, "c", 1, "s4"),
    ]
    assert found.total == 4
    assert (found.aligned, found.wrong) == (4, 4)
    assert found.occurrences == {"a": 3, "b": 3, "c": 2, "d": 1}


def test_what_is_right_is_no_confusion():
    """But its symbols occur."""
    found = Confusions.of(Answered(["s"], [["ab"]], ["ab"]), list)
    assert (list(found.pairs), found.occurrences) == ([], {"a": 1, "b": 1})


def test_an_alignment_has_every_symbol_once():
    """On either side, in order."""
    pairs = list(align("kitten", "sitting!"))
    assert "".join(one or "" for one, _ in pairs) == "kitten"
    assert "".join(other or "" for _, other in pairs) == "sitting!"
    assert sum(one != other for one, other in pairs) == 4


@pytest.mark.parametrize(
    ("reference", "hypothesis", "expected"),
    [
        ("2019", "2339", ("<bdi>2<del>01</del>9</bdi>", "<bdi>2<ins>33</ins>9</bdi>")),
        ("HH AH L", "HH AA L", ("<bdi>HH <del>AH</del> L</bdi>", "<bdi>HH <ins>AA</ins> L</bdi>")),
        ("e\u0301a", "ea", ("<bdi><del>e\u0301</del>a</bdi>", "<bdi><ins>e</ins>a</bdi>")),
        ("a", "", ("<bdi><del>a</del></bdi>", '<i class="faint">nothing</i>')),
        ("<b>", "<i>", ("<bdi>&lt;<del>b</del>&gt;</bdi>", "<bdi>&lt;<ins>i</ins>&gt;</bdi>")),
    ],
)
def test_what_differs_is_marked(reference, hypothesis, expected):
    """By words where there are spaces, otherwise by characters with their combining marks."""
    assert marked(reference, hypothesis) == expected


def test_texts_are_bounded_and_escaped():
    """Whatever they have."""
    assert shown("<a href='x'>\u202e\n") == "&lt;a href=&#x27;x&#x27;&gt;\\u202e\\n"
    assert plain("x" * 1000, 10) == "xxxxxxxxx…"
    assert len(plain("\u202e" * 1000, 30)) == 30


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 100, [0, 20, 40, 60, 80, 100]),
        (0.92, 1.0, [0.92, 0.94, 0.96, 0.98, 1.0]),
        (0, 0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (3.0, 3.0, [3.0, 4.0, 5.0, 6.0]),
    ],
)
def test_marks_of_an_axis_are_round_numbers(low, high, expected):
    """They begin just below the lowest and end just above the highest value."""
    assert ticks(low, high) == pytest.approx(expected)


def test_a_chart_of_one_point_can_be_drawn():
    """Also where all its numbers are 0."""
    for value in (0.0, 1.0, 5.0):
        chart = line_chart("x", [Line("y", [0], [value])], across="z", display=str, limits=(None, 1.0))
        assert "nan" not in chart
        assert chart.count("<circle") == 1


@pytest.mark.parametrize("numbers", [[-5, -2], [1e308, -1e308], [1e-15, 3e-15], [0], [-3], [10**400]])
def test_a_chart_of_strange_numbers_can_be_drawn(numbers):
    """As a damaged log may have them."""
    chart = line_chart("x", [Line("y", numbers, numbers)], across="z", display=str, limits=(0.0, 1.0))
    assert "nan" not in chart
    assert chart.count("<circle") == len(numbers)


def test_many_points_are_a_line_without_dots():
    """But the best one keeps its own."""
    chart = line_chart("x", [Line("y", range(1000), range(1000))], across="z", display=str, best=7)
    assert chart.count("<circle") == 1
    assert len(chart) < 20_000


def test_a_map_escapes_its_labels():
    """They are tokens of the data."""
    drawn = heat_map("x", ["<b>"], ["&", "\u202e"], [[0.5, 1.5]], str)
    assert "&lt;b&gt;" in drawn
    assert "\\u202e" in drawn
    assert 'fill-opacity="1.000"' in drawn
