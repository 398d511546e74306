"""The file ``metrics.jsonl``, when something else wrote into it."""

import pytest

from s2s_core import ModelError
from s2s_core.pipeline.printing import PrintedProgress
from s2s_core.runs.log import read_metrics, record_test, truncate_metrics

WHOLE = b'{"step": 4, "loss": 1.5}\n'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"garbage\n", "line 2 is not JSON; remove it"),
        (b"\n", "line 2 is not JSON; remove it"),
        (b"[" * 100_000 + b"\n", "line 2 is not JSON; remove it"),
        *(
            (content, 'line 2 is not a JSON object with a whole number as "step"; remove it')
            for content in (b"[]\n", b"{}\n", b'{"step": "x"}\n', b"null\n")
        ),
        (b"\xff\n", "it is not text; put back what it was, or remove it"),
    ],
)
def test_a_damaged_log_is_told(make_run, train, content, message):
    """By all that read it: training that goes on, and the test. It stays as it is."""
    run = make_run()
    train(run)
    run.metrics_path.write_bytes(WHOLE + content)
    for use in (lambda: train(run, resume=True), lambda: record_test(run, {}), lambda: read_metrics(run.metrics_path)):
        with pytest.raises(ModelError) as refused:
            use()
        assert str(refused.value) == f"{run.metrics_path} is damaged: {message}"
    assert run.metrics_path.read_bytes() == WHOLE + content


def test_half_a_line_is_no_damage(make_run, records):
    """A process that was killed may leave one."""
    run = make_run()
    run.metrics_path.write_bytes(WHOLE + b'{"step": 8, "lo')
    record_test(run, {"test": {"exact_match": 0.5}})
    record_test(run, {"test": {"exact_match": 0.7}})
    assert records(run) == [{"step": 4, "loss": 1.5}, {"step": 4, "test": {"exact_match": 0.7}}]


def test_a_log_that_is_not_whole_is_told(make_run, train, capsys):
    """The lines of earlier validations may be lost; a run that goes on says how many."""
    run = make_run()
    train(run, interrupted_at=8)
    lines = run.metrics_path.read_text().splitlines(keepends=True)
    for kept, lost in ((lines, 0), (lines[:1], 1), (lines[1:], 1), ([], 2)):
        run.metrics_path.write_text("".join(kept))
        assert truncate_metrics(run, 8) == lost
    run.metrics_path.unlink()
    assert truncate_metrics(run, 8) == 2
    PrintedProgress().lacking(run, 2)
    assert f"warning: {run.metrics_path} lacks 2 earlier validations; " in capsys.readouterr().out
