"""Exports runs."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from s2s_core.config.structure import override
from s2s_core.data.task import Example, References
from s2s_core.errors import ConfigError, DataError
from s2s_core.evaluation.loss import measurable
from s2s_core.files import require_writable
from s2s_core.pipeline.model_repository import ModelRepository
from s2s_core.pipeline.models import Runs, opened, require_tables
from s2s_core.pipeline.onnxruntime_web import runtime_files
from s2s_core.pipeline.progress import Progress, default_progress
from s2s_core.pipeline.quantization import Quantization, measured
from s2s_core.pipeline.recipe import Settings, overrides_of
from s2s_core.pipeline.results import Export
from s2s_core.pipeline.web_page import WebPage, page_name
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.run import Run

if TYPE_CHECKING:
    from s2s_core.model.checkpoint import TextModel


def export(
    runs: Runs,
    path: str | Path | None = None,
    settings: Settings | None = None,
    *,
    triton: str | Path | None = None,
    web: str | Path | None = None,
    onnxruntime_web: str | Path | None = None,
    plugins: Plugins | None = None,
    progress: Progress | None = None,
) -> Export:
    """Writes a run's best model, or several runs' models together, as one file, and proves that it answers alike.

    ::

        s2s.export(run, "beam5.onnx", {"decoding.beam_size": 5}).parity.hypotheses

    Args:
        runs: A trained run or its folder, or several, whose file answers with the mean of their probabilities.
        path: The file, by default ``model.onnx`` in the first run's folder.
        settings: Settings of ``decoding``, which become the defaults in the file, and of ``export``.
        triton: A model repository of Triton, which gets a copy of the file. The model is called as the file, or as the
            run's folder if ``path`` is left out.
        web: A folder that becomes a web page, which answers with a copy of the file in the browser. ``web_page`` makes
            one of a file that is there already.
        onnxruntime_web: For the page, the npm package of this name, a tarball or a folder; npm fetches it if it is
            left out.
        plugins: Where components come from, by default the installed plugins.
        progress: Receives the events. By default they are printed; ``Progress()`` prints nothing.

    Raises:
        ConfigError: A setting can't be used, no metric can measure smaller weights, the runs have different tasks or
            vocabularies, the model repository has another model of the name, the page's folder is somebody else's, or
            its package can't be had.
        ExportError: The file doesn't answer as the model does, or smaller weights lose too much; nothing is written.
        ModelError: There is no trained model, or it is damaged.
        OSError: The file can't be written.
    """
    from s2s_core.exporting.exporter import export as write  # noqa: PLC0415  # needs PyTorch
    from s2s_core.runtime.file import ExportedModel  # noqa: PLC0415  # needs ONNX Runtime
    from s2s_core.runtime.trial import note_as_known  # noqa: PLC0415

    began = time.perf_counter()
    progress = progress or default_progress()
    overrides = overrides_of(settings)
    require_tables(overrides, {"decoding", "export"}, "an export")
    members = opened(runs, plugins)
    run, target = members[0], members[0].onnx_path if path is None else Path(path)
    require_writable(target)
    repository = _repository(triton, run.onnx_path.parent if path is None else target)
    page = WebPage(Path(web), page_name(target)) if web is not None else None
    if page:
        page.require_room()
        runtime = runtime_files(Path(onnxruntime_web) if onnxruntime_web else None)
    progress.exporting(target)
    try:
        checkpoint = _checkpoint(members, overrides)
        own, rule = checkpoint.config.export, run.task.references
        if repository and own.required_inputs:
            raise ConfigError(
                "a model repository and export.required_inputs exclude each other: Triton batches texts alone"
            )
        metrics = measurable(run.metrics(checkpoint.target_tokenizer.tokens)) if own.quantize else {}
        held_out = _held_out(run, own.parity_examples)
        quantizations: list[Quantization] = []

        def measure(plain: bytes, quantized: bytes) -> dict[str, Any]:
            quantizations.append(measured(plain, quantized, own, run.splits, metrics, rule))
            return quantizations[0].to_json()

        def known() -> tuple[Sequence[Example], References]:
            return run.splits.validation, rule

        parity = write(checkpoint, held_out, target, known, heard=progress.export_doing, measure=measure)
    finally:
        progress.stopped()
    content = target.read_bytes()
    note_as_known(content)
    if repository:
        repository.write(content, own)
    if page:
        page.write(content, ExportedModel(content), runtime)
    seconds = time.perf_counter() - began
    size, decoding = target.stat().st_size, checkpoint.config.decoding
    small = next(iter(quantizations), None)
    exported = Export(target, size, seconds, decoding, parity, repository, page, small)
    progress.exported(exported)
    return exported


def _checkpoint(members: Sequence[Run], overrides: Sequence[Mapping[str, Any]]) -> "TextModel":
    """Returns the model of one run, or that of several together, with other settings."""
    from s2s_core.model.together import load_together  # noqa: PLC0415  # needs PyTorch

    checkpoint = load_together(members)
    return attrs.evolve(checkpoint, config=override(checkpoint.config, overrides, members[0].plugins))


def _repository(folder: str | Path | None, named: Path) -> ModelRepository | None:
    """Returns where a model repository gets the model, which is called as a file or a run's folder, if it does."""
    if folder is None:
        return None
    repository = ModelRepository(Path(folder), named.resolve().name.removesuffix(".onnx"))
    repository.require_room()
    return repository


def _held_out(run: Run, count: int) -> Sequence[str]:
    """Returns sources of the validation set: those that the run remembers, or from the data if more are wanted."""
    from s2s_core.model.checkpoint import load_data_record  # noqa: PLC0415  # needs PyTorch

    remembered = load_data_record(run).sources
    if len(remembered) >= count:
        return remembered
    try:
        return [example.source for example in run.splits.validation]
    except DataError:
        if not remembered:
            raise
        return remembered
