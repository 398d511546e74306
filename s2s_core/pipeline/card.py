"""A model's card: the README.md in a run's folder."""

from collections.abc import Mapping
from typing import Any

from s2s_core.evaluation.evaluation import Evaluation
from s2s_core.files import write_atomically
from s2s_core.runs.run import Run

_CARD = """# {task}: {encoder} → {decoder}

Turns text into text. Trained with s2s {version} on the task `{task}`; `run.toml` holds every setting.

| on the test set, {counted} | |
|---|---|
{scores}

{signatures}- Parameters: {parameters:,}
- File: `model.onnx`, {megabytes:.1f} MB
- Proof: {parity[hypotheses]:,} hypotheses for {parity[texts]:,} texts were compared with the model that it was made
  of; {parity[ties]} were equally good others, and no score differed by more than {parity[score_difference]:.1g}.

Run it with nothing but ONNX Runtime, whose warnings about inputs with defaults are harmless:

```python
{usage}
```
"""

USAGE = """import numpy, onnxruntime
session = onnxruntime.InferenceSession("{path}")
print(session.run(["target"], {{"source": numpy.array([{example!r}])}}))"""


def write_card(run: Run, description: Mapping[str, Any], evaluation: Evaluation) -> None:
    """Writes the card of a run that is trained, evaluated and exported.

    Args:
        run: The run.
        description: The exported file's metadata.
        evaluation: On the test set.
    """
    splits = run.splits
    scores, metrics, signatures = evaluation.scores, evaluation.metrics, evaluation.signatures
    card = _CARD.format(
        task=run.config.task.name,
        encoder=run.config.encoder.name,
        decoder=run.config.decoder.name,
        version=description["s2s"],
        counted=evaluation.answered.counted(),
        scores="\n".join(f"| {name} | {metrics[name].display(score)} |" for name, score in scores.items()),
        signatures="".join(f"- `{name}`: {signature}\n" for name, signature in signatures.items()),
        parameters=description["parameters"],
        megabytes=run.onnx_path.stat().st_size / 1e6,
        parity=description["parity"],
        usage=USAGE.format(path="model.onnx", example=splits.test[0].source),
    )
    write_atomically(run.card_path, card)
