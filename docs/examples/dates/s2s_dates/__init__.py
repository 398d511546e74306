"""Dates as people write them, to ISO 8601."""

from collections.abc import Mapping

from s2s_core import hookimpl


@hookimpl
def s2s_tasks() -> Mapping[str, type | str]:
    """Gives the task ``dates``."""
    return {"dates": "s2s_dates.task:Dates"}


@hookimpl
def s2s_metrics() -> Mapping[str, type | str]:
    """Gives the metric ``day_error``."""
    return {"day_error": "s2s_dates.metric:DayError"}
