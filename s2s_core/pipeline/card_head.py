"""The head of a model's card: the YAML that model hubs read."""

import json
import math
from typing import Any

from s2s_core.evaluation.evaluation import Evaluation
from s2s_core.runs.run import Run

_TASK = "text2text-generation"
"""The hub's name for text in and text out."""

_HEAD = """---
library_name: onnx
pipeline_tag: {task}
tags: {tags}
{set}model-index:
- name: {name}
  results:
  - task: {{type: {task}}}
    dataset: {dataset}
    metrics: {metrics}
---

"""


def card_head(run: Run, evaluation: Evaluation) -> str:
    """Returns the head, between two lines of dashes.

    Args:
        run: The run.
        evaluation: On the test set.
    """
    task, export = run.config.task.name, run.config.export
    given = {"language": export.language, "license": export.license}
    metrics = [
        {"type": name, "value": score}
        for name, score in evaluation.scores.items()
        if math.isfinite(score)  # YAML has no other numbers that all hubs read
    ]
    return _HEAD.format(
        task=_TASK,
        tags=_yaml(["s2s", "onnx", task]),
        set="".join(f"{name}: {_yaml(value)}\n" for name, value in given.items() if value),
        name=_yaml(f"{task}: {run.config.encoder.name} → {run.config.decoder.name}"),
        dataset=_yaml({"name": task, "type": task, "split": "test"}),
        metrics=_yaml(metrics),
    )


def _yaml(value: Any) -> str:
    """Returns a value in JSON, which is YAML."""
    return json.dumps(value, ensure_ascii=False)
