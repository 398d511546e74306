"""Whether the task and the metric keep what every task and metric promises."""

from s2s_core.testing import conformance

test_dates = conformance("task", "dates")
test_day_error = conformance("metric", "day_error")
