"""Exports the modules of the search that hold the model as one ONNX graph each, with ``torch.onnx``."""

import functools
import sysconfig
import traceback
from pathlib import Path
from typing import Any

import attrs
import onnx_ir as ir
import torch
from torch import Tensor, nn
from torch.export import Dim

from s2s_core.compat import OnnxRegistry, check, onnx_program, pytree
from s2s_core.config.decoding import DecodingConfig, SearchFeatures, graph_inputs
from s2s_core.decoding import Beams, Start, Step
from s2s_core.decoding.start import Extras, Settings
from s2s_core.errors import ExportError
from s2s_core.exporting import translations
from s2s_core.exporting.graph import OPSET
from s2s_core.exporting.quiet import quiet
from s2s_core.model.contract import require_contract
from s2s_core.model.ensemble import AnyModel
from s2s_core.model.interfaces import State
from s2s_core.model.seq2seq import Seq2Seq
from s2s_core.runs.interruption import Interruption
from s2s_core.text.vocabulary import SPECIALS, UNK

FREE = Dim.DYNAMIC
"""A dimension whose size the graph doesn't fix."""

ROW, ROWS = (dict.fromkeys(range(rank), FREE) for rank in (1, 2))
"""The free dimensions of [B] or [K]; and of [B, K]."""

NO_FEATURES = SearchFeatures()


@attrs.frozen(eq=False)
class Leaf:
    """One tensor of the decoder's state, [R, …], or of the search's extras, [B, K, …].

    Attributes:
        example: Its value after some steps.
        invariant: Whether a step returns the very same object.
        free: The dimensions whose size varies.
    """

    example: Tensor
    invariant: bool
    free: frozenset[int]


@attrs.frozen(eq=False)
class Pieces:
    """The exported modules of a search, from which the file is stitched.

    Attributes:
        start: source, lengths, beams, settings → tokens, finished, scores, all leaves.
        step: step, tokens, finished, scores, all leaves → going, parents, tokens, finished, scores, the leaves that
            change.
        leaves: Of the decoder's state, followed by the extras.
        extras: The names of the extras, in the order of the leaves.
        settings: The names of the settings that ``start`` takes, in its order.
    """

    start: ir.Model
    step: ir.Model
    leaves: list[Leaf]
    extras: tuple[str, ...]
    settings: tuple[str, ...]


def export_pieces(model: AnyModel, features: SearchFeatures = NO_FEATURES) -> Pieces:
    """Exports the search over a model.

    Raises:
        ConfigError: A feature needs attention, which the decoder lacks.
        ExportError: ``torch.export`` can't follow the code.
        PluginError: An encoder or decoder breaks its contract.
    """
    for part in model.modules():
        if isinstance(part, Seq2Seq):
            require_contract(part.encoder, part.decoder)
    source = _sources(model, batch=2, size=5)
    settings = _settings(model, features, source)
    leaves, after = _leaves(model, features)
    return Pieces(
        start=_start(model, features, source, settings),
        step=_step(model, features, leaves, after),
        leaves=leaves,
        extras=tuple(after.extras),
        settings=tuple(settings),
    )


def _start(model: AnyModel, features: SearchFeatures, source: Tensor, settings: Settings) -> ir.Model:
    lengths, beams = torch.tensor([5, 4]), torch.arange(3)
    setting_shapes = {name: ROWS if value.dim() else None for name, value in settings.items()}
    return trace(Start(model, features), (source, lengths, beams, settings), (ROWS, ROW, ROW, setting_shapes))


def _step(model: AnyModel, features: SearchFeatures, leaves: list[Leaf], after: Beams) -> ir.Model:
    shapes = (None, ROWS, ROWS, ROWS, *_free_dimensions(leaves, after))
    return trace(_ChangedOnly(Step(model, features), leaves), (torch.tensor(2), *after), shapes)


def _free_dimensions(leaves: list[Leaf], after: Beams) -> Any:
    """Returns the free dimensions of each leaf, nested as the state and the extras are."""
    free = [dict.fromkeys(sorted(leaf.free), FREE) for leaf in leaves]
    return pytree.tree_unflatten(free, pytree.tree_structure((after.state, after.extras)))


class _ChangedOnly(nn.Module):
    """A step that returns only the leaves that change.

    ``torch.export`` is told that these all have rows for the same sources and beams. Without that, the graph would
    compute the numbers of both for each of them.
    """

    def __init__(self, step: Step, leaves: list[Leaf]) -> None:
        super().__init__()
        self.step = step
        self.changed = [number for number, leaf in enumerate(leaves) if not leaf.invariant]

    def forward(
        self, step: Tensor, tokens: Tensor, finished: Tensor, scores: Tensor, state: State, extras: Extras
    ) -> tuple[Tensor, ...]:
        batch, beams = extras["longest"].shape  # of what never changes, so that it's read before the loop
        sizes = [*([(batch * beams,)] * len(pytree.tree_leaves(state))), *([(batch, beams)] * len(extras))]
        before = pytree.tree_leaves((state, extras))
        for number in self.changed:
            for size, expected in zip(before[number].shape, sizes[number], strict=False):
                same = size == expected
                check(same)
        going, parents, after = self.step(step, tokens, finished, scores, state, extras)
        leaves = after.leaves
        return going, parents, after.tokens, after.finished, after.scores, *(leaves[n] for n in self.changed)


def _settings(model: AnyModel, features: SearchFeatures, source: Tensor) -> Settings:
    """Returns settings with which no short search ends; a prefix, and copies, as wide as a source."""
    decoding = DecodingConfig(no_repeat_ngram=2, coverage_penalty=0.2)
    settings = {
        name: torch.tensor(value, dtype=getattr(torch, kind))
        for name, kind, value in graph_inputs(decoding, features)
        if name not in {"beam_size", "length_penalty"}
    }
    if features.prefix:
        settings["prefix"] = torch.full_like(source, UNK)
    if model.copies:
        settings["copies"] = torch.full_like(source, SPECIALS - 1)
    return settings


@torch.no_grad()
def _leaves(model: AnyModel, features: SearchFeatures) -> tuple[list[Leaf], Beams]:
    """Describes what beams remember, by decoding at two sizes and for two numbers of steps.

    A dimension whose size differs between the two is free. A tensor that stays the same object is invariant.

    Returns:
        The leaves, and the beams after the first search, to trace the modules with.
    """
    runs = [
        _walk(model, features, batch=2, size=5, beams=3, steps=2),
        _walk(model, features, batch=3, size=7, beams=4, steps=5),
    ]
    after, invariant = runs[0]
    leaves = [
        Leaf(one, unchanged, _differing(one.shape, other.shape))
        for one, other, unchanged in zip(*(beams.leaves for beams, _ in runs), invariant, strict=True)
    ]
    # Two arguments that are one object, such as two parts of a first state, would become one input of the graph.
    return leaves, pytree.tree_map(lambda leaf: leaf.clone(memory_format=torch.contiguous_format), after)


def _differing(one: torch.Size, other: torch.Size) -> frozenset[int]:
    """Returns the dimensions in which two shapes differ."""
    return frozenset(n for n, sizes in enumerate(zip(one, other, strict=True)) if len({*sizes}) > 1)


def _walk(
    model: AnyModel, features: SearchFeatures, *, batch: int, size: int, beams: int, steps: int
) -> tuple[Beams, list[bool]]:
    """Decodes some steps; returns the beams after them, and for each leaf whether it never changed."""
    source, lengths = _sources(model, batch, size), torch.full((batch,), size)
    step = Step(model, features)
    after = Start(model, features)(source, lengths, torch.arange(beams), _settings(model, features, source))
    first = after.leaves
    for number in range(steps):
        _, _, after = step(torch.tensor(number), *after)
    return after, [leaf is start for leaf, start in zip(after.leaves, first, strict=True)]


def _sources(model: AnyModel, batch: int, size: int) -> Tensor:
    """Returns sources [B, S] of ids that the model has."""
    highest = max(model.source_size - 1, UNK)
    return (torch.arange(batch * size).view(batch, size) + SPECIALS).clamp(max=highest)


def trace(module: nn.Module, arguments: tuple[Any, ...], shapes: tuple[Any, ...]) -> ir.Model:
    """Returns the graph of a module.

    Args:
        module: Any.
        arguments: Examples.
        shapes: The free dimensions of each argument.

    Raises:
        ExportError: ``torch.export`` can't follow the code.
    """
    with quiet(), torch.no_grad(), Interruption() as interruption:  # PyTorch may swallow a KeyboardInterrupt
        try:
            program = torch.export.export(module.eval(), arguments, dynamic_shapes=shapes)
            model: ir.Model = onnx_program(program, registry=_registry(), opset_version=OPSET, verbose=False).model
        except Exception as error:
            reason = _reason(error.__cause__ or error)
            raise ExportError(f"torch.export can't follow the model's code: {reason}") from error
    if interruption.signal is not None:
        raise KeyboardInterrupt
    return model


@functools.cache
def _registry() -> OnnxRegistry:
    registry = OnnxRegistry.from_torchlib(opset_version=OPSET)
    translations.register(registry)
    return registry


HINTS = {
    "data-dependent": "don't branch on what tensors hold, use torch.where, and call no .item()",
    "static shape": "run over time with scan, lstm or gru, not with a loop, and write x.shape[0], not len(x)",
}
"""What to do about an error of ``torch.export``, by words in its message."""

NOT_THEIRS = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]), sysconfig.get_path("stdlib"))
"""Where code lies that isn't a plugin's. Plugins may lie in ``site-packages``, though, which is below the last one."""


def _reason(error: BaseException) -> str:
    """Returns the first paragraph of an error of ``torch.export``, where in a plugin it was, and what to do about it.

    The paragraphs after the first are for developers of PyTorch.
    """
    message = " ".join(str(error).strip().partition("\n\n")[0].split())
    places = [
        f"it was in {Path(frame.filename).name}:{frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(NOT_THEIRS[:2])
        and (not frame.filename.startswith(NOT_THEIRS[2]) or "site-packages" in frame.filename)
    ]
    return "; ".join([message, *places[-1:], *(hint for words, hint in HINTS.items() if words in message)])
