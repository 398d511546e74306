"""The numbers behind the figures are right, and a figure is the same file each time."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from s2s_core import ConfigError, ModelError
from s2s_core.plotting.attention import END, AttentionMap, draw_attention
from s2s_core.plotting.figure import save, spread
from s2s_core.plotting.learning import draw_learning, learning_curves
from s2s_core.plotting.length import LengthCurve, draw_lengths, length_curves
from s2s_core.plotting.log import names
from s2s_core.plotting.states import Projection, draw_states, project

BUCKETS = [
    {"shortest": 1, "longest": 4, "mean_length": 2.5, "answers": 30, "scores": {"exact_match": 0.9, "bleu": 40.0}},
    {"shortest": 5, "longest": 9, "mean_length": 7.0, "answers": 20, "scores": {"exact_match": 0.5, "bleu": 20.0}},
]
VALIDATIONS = [
    {"step": 100, "loss": 2.0, "learning_rate": 1e-3, "validation_loss": 2.5, "validation": {"exact_match": 0.1}},
    {"step": 200, "loss": 0.5, "learning_rate": 1e-3, "validation_loss": 1.5, "validation": {"exact_match": 0.7}},
]
TEST = {"step": 200, "test": {"exact_match": 0.7}, "lines": 50, "sources": 50, "signatures": {}, "buckets": BUCKETS}

vectors = arrays.arrays(
    np.float64, st.tuples(st.integers(2, 8), st.integers(1, 5)), elements=st.integers(-9, 9).map(float)
)


@pytest.fixture
def folder(tmp_path):
    """A run that learnt, was evaluated, and began again before the evaluation."""
    path = tmp_path / "runs" / "mine"
    path.mkdir(parents=True)
    lines = [*VALIDATIONS, TEST]
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


# numbers


@given(vectors=vectors)
@settings(derandomize=True)
def test_projections_have_the_largest_variance(vectors):
    """The points' variances are the two largest eigenvalues of the covariance, and the axes don't correlate."""
    points, shares = project(vectors)
    assert points.shape == (len(vectors), 2)
    covariance = np.cov(vectors, rowvar=False, bias=True).reshape(vectors.shape[1], -1)
    largest = np.append(np.sort(np.linalg.eigvalsh(covariance))[::-1], 0.0)[:2]
    np.testing.assert_allclose(np.cov(points, rowvar=False, bias=True), np.diag(largest), atol=1e-8)
    if covariance.trace() > 1e-9:
        np.testing.assert_allclose(shares, largest / covariance.trace(), atol=1e-8)
    else:
        assert shares == (0.0, 0.0)


def test_projections_keep_a_plane_as_it_is():
    """Points of a plane keep their distances, and turned points are the same points."""
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(9, 2)) * [3, 1]
    turned = flat @ np.linalg.qr(rng.normal(size=(6, 6)))[0][:2]
    points, shares = project(turned)
    between = [np.linalg.norm(some[:, None] - some[None], axis=2) for some in (flat, points)]
    np.testing.assert_allclose(*between, atol=1e-9)
    assert pytest.approx(1.0) == sum(shares)


def test_an_axis_does_not_flip():
    """Vectors and their permutation give the same points."""
    rng = np.random.default_rng(1)
    some = rng.normal(size=(7, 4))
    order = rng.permutation(7)
    np.testing.assert_allclose(project(some)[0][order], project(some[order])[0], atol=1e-9)


@given(places=st.lists(st.floats(0, 1), min_size=1, max_size=6))
@settings(derandomize=True)
def test_labels_are_apart_and_in_order(places):
    """None is moved further than needed, and the lowest not at all."""
    moved = spread(places, 0.1)
    ordered = sorted(moved)
    assert all(other - one >= 0.1 - 1e-9 for one, other in itertools.pairwise(ordered))
    assert [moved[row] for row in sorted(range(len(places)), key=lambda row: places[row])] == ordered
    assert min(moved) == min(places)
    assert all(now >= before for now, before in zip(moved, places, strict=True))


def test_curves_by_length_come_from_folders_and_files(folder, tmp_path):
    """A run's last test, or what ``s2s evaluate --json`` printed; the first metric unless one is named."""
    file = tmp_path / "other.json"
    file.write_text(json.dumps({"buckets": BUCKETS[:1]}))
    one, other = length_curves([folder, file])
    assert ("mine", [2.5, 7.0], [0.9, 0.5], [30, 20]) == (one.name, one.lengths, one.scores, one.answers)
    assert ("other", [2.5], [0.9]) == (other.name, other.lengths, other.scores)
    assert [40.0, 20.0] == length_curves([folder], "bleu")[0].scores


def test_learning_curves_come_from_validations(folder):
    """The test's line is no part of them."""
    (curve,) = learning_curves([folder])
    assert ([100, 200], [2.0, 0.5], [0.1, 0.7]) == (curve.steps, curve.losses, curve.scores)
    assert [2.5, 1.5] == curve.validation_losses


def test_runs_are_named_as_shortly_as_can_be(tmp_path):
    """By the last part of their paths, or by more where these are the same."""
    assert ["a-1.2", "b"] == names([tmp_path / "a-1.2", tmp_path / "b.json"])
    assert ["x/a", "y/a"] == names([tmp_path / "x" / "a", tmp_path / "y" / "a"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "can't read .*metrics.jsonl: No such file"),
        ("{\n", "metrics.jsonl is damaged: line 1 is not JSON; remove it"),
        ("[]\n", "metrics.jsonl is damaged: line 1 is not a JSON object"),
        ('{"step": 1}\n', "has no scores by length: s2s evaluate .* --json > scores.json makes such a file"),
    ],
)
def test_a_folder_without_scores_is_refused(folder, content, message):
    """With what to do."""
    (folder / "metrics.jsonl").unlink()
    if content is not None:
        (folder / "metrics.jsonl").write_text(content)
    with pytest.raises(ModelError, match=message):
        length_curves([folder])


NO_NUMBER = [{"scores": {"bleu": "a"}}, {"scores": {"bleu": float("nan")}}, {"scores": {"bleu": True}}, {"scores": {}}]


@pytest.mark.parametrize(
    "buckets",
    [5, [1], {"a": 1}, [{}], [{"scores": {}}], [{"scores": 5}], *([BUCKETS[0] | wrong] for wrong in NO_NUMBER)]
    + [[BUCKETS[0] | {"mean_length": value}] for value in (float("nan"), float("inf"), None, 10**400)]
    + [[BUCKETS[0], {"mean_length": 1.0, "answers": 1, "scores": {"exact_match": 0.1}}]],
)
def test_scores_that_are_none_are_refused(tmp_path, buckets):
    """Whatever a file holds that is JSON but no evaluation, the message names the file."""
    file = tmp_path / "scores.json"
    file.write_text(json.dumps({"buckets": buckets}))
    with pytest.raises(ModelError, match=r"^.*scores\.json is damaged: "):
        length_curves([file], "bleu")


@pytest.mark.parametrize(
    "record",
    [
        {"step": 1, "validation": {}},
        {"step": 1, "loss": 1.0, "validation": 5},
        {"step": 1, "validation": {"exact_match": 0.5}},
        {"step": "a", "loss": 1.0, "validation": {"exact_match": 0.5}},
        {"step": 1, "loss": float("nan"), "validation": {"exact_match": 0.5}},
        {"step": 1, "loss": 1.0, "validation": {"exact_match": None}},
    ],
)
def test_a_log_without_numbers_is_refused(folder, record):
    """The message names the file."""
    (folder / "metrics.jsonl").write_text(json.dumps(record) + "\n")
    with pytest.raises(ModelError, match=r"^.*metrics\.jsonl is damaged: "):
        learning_curves([folder])


def test_brackets_without_end_are_refused(tmp_path):
    """The parser gives up on them."""
    (tmp_path / "scores.json").write_text("[" * 100_000)
    with pytest.raises(ModelError, match=r"^.*scores\.json is damaged: "):
        length_curves([tmp_path / "scores.json"])


def test_a_metric_that_was_not_computed_can_be(folder, tmp_path):
    """The message says by what command."""
    with pytest.raises(ConfigError, match=f"; s2s evaluate {folder} --metrics ter --json > {folder}.json computes it"):
        length_curves([folder], "ter")
    (tmp_path / "scores.json").write_text(json.dumps({"buckets": BUCKETS}))
    with pytest.raises(ConfigError, match=r"; s2s evaluate RUN --metrics ter --json > RUN\.json computes it"):
        length_curves([tmp_path / "scores.json"], "ter")


@pytest.mark.parametrize(
    ("score", "low", "high"), [(0.0, (0, 0), (0.01, 1)), (1.0, (0.5, 0.99), (1, 1)), (1.5, (0, 1.5), (1.5, 2))]
)
def test_shares_are_drawn_between_none_and_all(score, low, high):
    """The axis ends at 0 and 100 %, but where an error rate is higher."""
    (axes,) = draw_lengths([LengthCurve("mine", "exact_match", [3.0], [score], [9])], percent=True).axes
    ends = axes.get_ylim()
    assert low[0] <= ends[0] <= low[1]
    assert high[0] <= ends[1] <= high[1]


def test_an_unknown_metric_is_refused(folder):
    """With those that there are."""
    with pytest.raises(ConfigError, match=r"no metric 'blue' \(did you mean 'bleu'\?\); it has: bleu, exact_match"):
        length_curves([folder], "blue")
    with pytest.raises(ConfigError, match=r"no metric 'chrf'; it has: exact_match"):
        learning_curves([folder], "chrf")


# figures


def figures(folder):
    """Yields one of each kind, with texts that fonts lack or would take for formulas."""
    yield draw_lengths(length_curves([folder, folder]), percent=True)
    yield draw_learning(learning_curves([folder]), percent=True)
    texts = [
        "$x_1$ and $",
        "\u6f22\u5b57",
        "\u05e9\u05dc\u05d5\u05dd",
        "\U0001f642",
        "",
        "a " * 50,
        "b%d",
        "c",
        "d",
        "e",
        "f",
    ]
    yield draw_states(Projection(texts, [(0.0, 0.0)] * len(texts), (0.6, 0.4)))
    yield draw_attention(AttentionMap(["a", "$", "\u6f22", END], ["long token", END], np.full((2, 4), 0.25)))


@pytest.mark.parametrize("number", range(4), ids=["length", "learning", "states", "attention"])
def test_the_same_figure_is_the_same_file(folder, tmp_path, number):
    """In every format, bit for bit and without a warning."""
    for suffix, begin in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")):
        contents = []
        for name in ("one", "other"):
            save(list(figures(folder))[number], tmp_path / f"{name}{suffix}")
            contents.append((tmp_path / f"{name}{suffix}").read_bytes())
        assert contents[0] == contents[1]
        assert contents[0].startswith(begin)


def test_lines_are_labelled_with_their_runs(folder, tmp_path):
    """And axes with what they show; texts stay texts in SVG."""
    save(draw_lengths(length_curves([folder], "bleu"), percent=False), tmp_path / "length.svg")
    drawn = (tmp_path / "length.svg").read_text(encoding="utf-8")
    assert all(f">{text}</text>" in drawn for text in ("mine", "bleu", "source length, in tokens"))


def test_labels_of_points_do_not_cover_each_other():
    """Six texts at one place are written at six places."""
    drawn = draw_states(Projection(list("abcdef"), [(0.0, 0.0)] * 5 + [(1.0, 1.0)], (1.0, 0.0)))
    boxes = [text.get_window_extent() for text in drawn.axes[0].texts]
    assert not [1 for row, box in enumerate(boxes) for other in boxes[:row] if box.overlaps(other)]


def test_a_format_that_is_not_known_is_refused(folder, tmp_path):
    """Before anything is written."""
    with pytest.raises(ConfigError, match=r"must end with .pdf, .png, .svg \(got 'length.gif'\)"):
        save(next(figures(folder)), tmp_path / "length.gif")
    assert not (tmp_path / "length.gif").exists()
