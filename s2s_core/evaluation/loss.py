"""The loss of a file: how many points its scores are worse than those of a better one."""

from collections.abc import Mapping

from s2s_core.errors import ConfigError
from s2s_core.evaluation.answers import without_likelihoods
from s2s_core.evaluation.metric import BaseMetric


def lost_points(metric: BaseMetric, before: float, after: float) -> float:
    """Returns how many points worse a score has become; less than 0 if it is better.

    A point is one hundredth of a share, and 1 of any other score.

    Args:
        metric: Whose scores they are.
        before: The score of the better file.
        after: That of the other one.
    """
    worse = before - after if metric.higher_is_better else after - before
    return round(100 * worse if metric.percent else worse, 9)  # so that 0.995 instead of 1 is 0.5


def measurable(metrics: Mapping[str, BaseMetric]) -> dict[str, BaseMetric]:
    """Returns the metrics by which a file can be scored; the first one decides whether it loses too much.

    Raises:
        ConfigError: There is none.
    """
    chosen = without_likelihoods(metrics)
    if not chosen:
        raise ConfigError(
            "export.quantize needs a metric that a file can be scored by, such as exact_match "
            f"(got {', '.join(metrics)}): add one to evaluation.metrics"
        )
    return chosen
