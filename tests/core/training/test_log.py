"""The file ``metrics.jsonl``, when something else wrote into it."""

import pytest

from s2s_core import ModelError
from s2s_core.runs.log import read_metrics, record_test

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
