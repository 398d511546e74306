"""A model's card: the README.md in a run's folder. It begins with what hubs read."""

from collections.abc import Mapping
from typing import Any

from s2s_core.evaluation.evaluation import Evaluation
from s2s_core.evaluation.metric import BaseMetric
from s2s_core.evaluation.spread import Spread
from s2s_core.files import write_atomically
from s2s_core.pipeline.card_head import card_head
from s2s_core.pipeline.quantization import TOGETHER
from s2s_core.pipeline.usage import usage
from s2s_core.runs.run import Run

_CARD = """# {task}: {encoder} → {decoder}

Turns text into text. Trained with s2s {version} on the task `{task}`; `run.toml` holds every setting.

| on the test set, {counted} | |
|---|---|
{scores}

{facts}"""

_SEEDS_CARD = """# {task}: {encoder} → {decoder}, {count} seeds together

Turns text into text with the mean of {count} models' probabilities. Trained with s2s {version} on the task `{task}`
with the seeds {seeds}; `seeds.toml` holds every setting, and each `seed-N` a run.

| on the test set, {counted} | together | one alone, mean ± standard deviation |
|---|---|---|
{scores}

{facts}"""

_FACTS = """{signatures}{reliability}- Parameters: {parameters:,}
- File: `model.onnx`, {megabytes:.1f} MB
- Proof: {parity[hypotheses]:,} hypotheses for {parity[texts]:,} texts were compared with the model that it was made
  of; {parity[ties]} were equally good others, and no score differed by more than {parity[score_difference]:.1g}.
{quantization}
Run it with nothing but ONNX Runtime, whose warnings about inputs with defaults are harmless:

```python
{usage}
```
"""

_SIDE_BY_SIDE = """- The proof is of the same file with weights of 32 bits:

| | this file, {kind} | weights of 32 bits |
|---|---|---|
{cells}
"""


def write_card(run: Run, description: Mapping[str, Any], evaluation: Evaluation) -> None:
    """Writes the card of a run that is trained, evaluated and exported.

    Args:
        run: The run.
        description: The exported file's metadata.
        evaluation: On the test set.
    """
    card = card_head(run, evaluation) + _CARD.format(
        **_head(run, description, evaluation),
        scores="\n".join(f"| {name} | {shown} |" for name, shown in _shown(evaluation).items()),
        facts=_facts(run, description, evaluation),
    )
    write_atomically(run.card_path, card)


def write_seeds_card(run: Run, description: Mapping[str, Any], evaluation: Evaluation, spread: Spread) -> None:
    """Writes the card of runs that differ only in their seed.

    Args:
        run: The run that they are together.
        description: The metadata of their file.
        evaluation: Of their models together on the test set.
        spread: Of their test scores.
    """
    card = card_head(run, evaluation) + _SEEDS_CARD.format(
        **_head(run, description, evaluation),
        count=len(spread.seeds),
        seeds=", ".join(map(str, spread.seeds)),
        scores="\n".join(
            f"| {name} | {shown} | {spread.display(name)} |" for name, shown in _shown(evaluation).items()
        ),
        facts=_facts(run, description, evaluation),
    )
    write_atomically(run.card_path, card)


def _head(run: Run, description: Mapping[str, Any], evaluation: Evaluation) -> dict[str, Any]:
    """Returns what the card says first."""
    return {
        "task": run.config.task.name,
        "encoder": run.config.encoder.name,
        "decoder": run.config.decoder.name,
        "version": description["s2s"],
        "counted": evaluation.answered.counted(),
    }


def _shown(evaluation: Evaluation) -> dict[str, str]:
    """Returns the scores formatted for people."""
    return {name: evaluation.metrics[name].display(score) for name, score in evaluation.scores.items()}


def _facts(run: Run, description: Mapping[str, Any], evaluation: Evaluation) -> str:
    """Returns how the scores were computed, and what the file is."""
    return _FACTS.format(
        signatures="".join(f"- `{name}`: {signature}\n" for name, signature in evaluation.signatures.items()),
        reliability=_reliability(evaluation),
        parameters=description["parameters"],
        megabytes=run.onnx_path.stat().st_size / 1e6,
        parity=description["parity"],
        quantization=_quantization(description.get("quantization"), evaluation.metrics),
        usage=usage("model.onnx", run.splits.test[0].source, run.config),
    )


def _reliability(evaluation: Evaluation) -> str:
    """Returns whether confidence and truth agree, if the file tells how sure it is."""
    if evaluation.reliability is None:
        return ""
    bins = evaluation.reliability.bins
    shown = "; ".join(f"{each.confidence:.0%} sure: {each.right:.0%} of {each.answers:,} right" for each in bins)
    return f"- Confidence: {evaluation.reliability.in_words()} ({shown})\n".replace("%", " %").replace("  %", " %")


def _quantization(record: Mapping[str, Any] | None, metrics: Mapping[str, BaseMetric]) -> str:
    """Returns what smaller weights lose and gain, if the file has such, from its metadata."""
    if record is None:
        return ""
    plain, small = record["plain"], record["quantized"]
    rows = {
        "size, MB": [f"{file['size'] / 1e6:.2f}" for file in (small, plain)],
        "ms for a text alone": [f"{file['alone']:.2f}" for file in (small, plain)],
        f"ms for one of {TOGETHER} texts": [f"{file['together']:.2f}" for file in (small, plain)],
    }
    for split in ("validation", "test"):
        for name in small[split]:
            rows[f"{name}, {split}"] = [metrics[name].display(file[split][name]) for file in (small, plain)]
    cells = "\n".join(f"| {name} | {' | '.join(shown)} |" for name, shown in rows.items())
    return _SIDE_BY_SIDE.format(kind=record["kind"], cells=cells)
