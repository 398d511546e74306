"""The search's three modules as ONNX graphs, made by ``torch.onnx``."""

import itertools
import sysconfig
import traceback
from pathlib import Path
from typing import Any

import attrs
import onnx_ir as ir
import torch
from torch import Tensor, nn
from torch.export import Dim

from s2s_core.compat import check, pytree
from s2s_core.config.decoding import DecodingConfig, SearchFeatures, graph_inputs
from s2s_core.decoding import Beams, Finish, Start, Step
from s2s_core.decoding.start import Extras, Settings
from s2s_core.errors import ExportError
from s2s_core.exporting.graph import OPSET
from s2s_core.exporting.quiet import quiet
from s2s_core.model.contract import require_contract
from s2s_core.model.ensemble import AnyModel
from s2s_core.model.interfaces import State
from s2s_core.model.seq2seq import Seq2Seq
from s2s_core.text.vocabulary import SPECIALS, UNK

FREE = Dim.DYNAMIC

NO_FEATURES = SearchFeatures()


@attrs.frozen(eq=False)
class Leaf:
    """One tensor of what beams remember, the decoder's state and the search's extras, [B, K, …].

    Attributes:
        example: Its value after some steps.
        invariant: Whether a step returns it as it was.
        free: The dimensions whose size isn't always the same.
    """

    example: Tensor
    invariant: bool
    free: frozenset[int]


@attrs.frozen(eq=False)
class Pieces:
    """What the file is stitched from.

    Attributes:
        start: source, lengths, beams, settings → tokens, finished, scores, all leaves.
        step: step, tokens, finished, scores, all leaves → going, parents, tokens, finished, scores, the changed leaves.
        finish: tokens, parents, scores, the extras, length_penalty → hypotheses, scores.
        leaves: The decoder's state, and after it the extras.
        extras: How many of the leaves are extras.
        settings: The names of what ``start`` takes after the beams.
    """

    start: ir.Model
    step: ir.Model
    finish: ir.Model
    leaves: list[Leaf]
    extras: int
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
    source, lengths, beams = _sources(model, batch=2, size=5), torch.tensor([5, 4]), torch.arange(3)
    settings = _settings(features, source)
    leaves, after = _leaves(model, features)
    free = [dict.fromkeys(sorted(leaf.free), FREE) for leaf in leaves]
    state, extras = pytree.tree_unflatten(free, pytree.tree_structure((after.state, after.extras)))
    row, picks = {0: FREE, 1: FREE}, {0: FREE, 1: FREE, 2: FREE}
    setting_shapes = {name: row if value.dim() else None for name, value in settings.items()}
    tokens, parents = torch.zeros(2, 4, *after.tokens.shape, dtype=torch.int64)
    return Pieces(
        start=_export(
            Start(model, features), (source, lengths, beams, settings), (row, {0: FREE}, {0: FREE}, setting_shapes)
        ),
        step=_export(
            _ChangedOnly(Step(model, features), leaves),
            (torch.tensor(2), *after),
            (None, row, row, row, state, extras),
        ),
        finish=_export(
            Finish(features),
            (tokens, parents, after.scores, after.extras, torch.tensor(0.0)),
            (picks, picks, row, extras, None),
        ),
        leaves=leaves,
        extras=len(after.extras),
        settings=tuple(settings),
    )


class _ChangedOnly(nn.Module):
    """A step that doesn't return the leaves that it leaves as they were.

    It is told that the others have the same rows and beams, or the graph would compute these of each.
    """

    def __init__(self, step: Step, leaves: list[Leaf]) -> None:
        super().__init__()
        self.step = step
        self.changed = [number for number, leaf in enumerate(leaves) if not leaf.invariant]

    def forward(
        self, step: Tensor, tokens: Tensor, finished: Tensor, scores: Tensor, state: State, extras: Extras
    ) -> tuple[Tensor, ...]:
        before = pytree.tree_leaves((state, extras))
        for number, dimension in itertools.product(self.changed, (0, 1)):
            same = before[number].shape[dimension] == tokens.shape[dimension]
            check(same)
        going, parents, beams = self.step(step, tokens, finished, scores, state, extras)
        leaves = beams.leaves
        return going, parents, beams.tokens, beams.finished, beams.scores, *(leaves[n] for n in self.changed)


def _settings(features: SearchFeatures, source: Tensor) -> Settings:
    """Returns settings under which no short search ends, with a prefix as wide as a source."""
    decoding = DecodingConfig(no_repeat_ngram=2, coverage_penalty=0.2)
    settings = {
        name: torch.tensor(value, dtype=getattr(torch, kind))
        for name, kind, value in graph_inputs(decoding, features)
        if name not in {"beam_size", "length_penalty"}
    }
    return settings | ({"prefix": torch.full_like(source, UNK)} if features.prefix else {})


@torch.no_grad()
def _leaves(model: AnyModel, features: SearchFeatures) -> tuple[list[Leaf], Beams]:
    """Finds out about what beams remember by decoding at two sizes, for different numbers of steps."""
    runs = [
        _walk(model, features, batch=2, size=5, beams=3, steps=2),
        _walk(model, features, batch=3, size=7, beams=4, steps=5),
    ]
    after, invariant = runs[0]
    leaves = [
        Leaf(one, unchanged, _differing(one.shape, other.shape))
        for one, other, unchanged in zip(*(beams.leaves for beams, _ in runs), invariant, strict=True)
    ]
    # Arguments that are one object would become one input of the graph.
    return leaves, pytree.tree_map(lambda leaf: leaf.clone(memory_format=torch.contiguous_format), after)


def _differing(one: torch.Size, other: torch.Size) -> frozenset[int]:
    """Returns the dimensions in which two shapes differ."""
    return frozenset(n for n, sizes in enumerate(zip(one, other, strict=True)) if len({*sizes}) > 1)


def _walk(
    model: AnyModel, features: SearchFeatures, *, batch: int, size: int, beams: int, steps: int
) -> tuple[Beams, list[bool]]:
    """Decodes some steps and says which leaves of what beams remember never changed."""
    source, lengths = _sources(model, batch, size), torch.full((batch,), size)
    step = Step(model, features)
    after = Start(model, features)(source, lengths, torch.arange(beams), _settings(features, source))
    first = after.leaves
    for number in range(steps):
        _, _, after = step(torch.tensor(number), *after)
    return after, [leaf is start for leaf, start in zip(after.leaves, first, strict=True)]


def _sources(model: AnyModel, batch: int, size: int) -> Tensor:
    """Returns sources of some ids that the model has."""
    highest = max(model.source_size - 1, UNK)
    return (torch.arange(batch * size).view(batch, size) + SPECIALS).clamp(max=highest)


def _export(module: nn.Module, arguments: tuple[Any, ...], shapes: tuple[Any, ...]) -> ir.Model:
    with quiet(), torch.no_grad():
        try:
            program = torch.onnx.export(
                module.eval(),
                (*arguments, {}),  # a dict at the end, such as a decoder's state, is taken for keyword arguments
                dynamo=True,
                dynamic_shapes=shapes,
                opset_version=OPSET,
                verbose=False,
            )
        except Exception as error:
            reason = _reason(error.__cause__ or error)
            raise ExportError(f"torch.export can't follow the model's code: {reason}") from error
    assert program is not None  # noqa: S101  # it is, with dynamo=True
    return program.model


HINTS = {
    "data-dependent": "don't branch on what tensors hold, use torch.where, and call no .item()",
    "static shape": "run over time with scan, lstm or gru, not with a loop, and write x.shape[0], not len(x)",
}
"""What to do, by words of what ``torch.export`` says."""

NOT_THEIRS = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]), sysconfig.get_path("stdlib"))
"""Where code is that no plugin wrote; plugins may lie in ``site-packages`` below the last one."""


def _reason(error: BaseException) -> str:
    """Returns what ``torch.export`` said, without what it tells its own developers, where it was, and what to do."""
    first = " ".join(str(error).strip().partition("\n\n")[0].split())
    places = [
        f"it was in {Path(frame.filename).name}:{frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(NOT_THEIRS[:2])
        and (not frame.filename.startswith(NOT_THEIRS[2]) or "site-packages" in frame.filename)
    ]
    return "; ".join([first, *places[-1:], *(hint for words, hint in HINTS.items() if words in first)])
