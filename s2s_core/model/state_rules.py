"""The rules of a decoder's state: a nesting of tensors, batch first, that every step keeps as it is."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor

from s2s_core.compat import pytree
from s2s_core.errors import PluginError
from s2s_core.model.interfaces import Output, State

MOST_SHOWN = 100
"""How many characters of a state an error message shows."""


def require_start(state: State, rows: int) -> None:
    """Checks that a first state is a nesting of tensors, batch first.

    Raises:
        PluginError: A part of it isn't; the message says which.
    """
    for path, leaf in state_leaves(state).items():
        if not isinstance(leaf, Tensor):
            raise PluginError(
                f"start must give a tensor, or tuples, named tuples, lists and dicts of tensors: "
                f"{path} is none of these (got {described(leaf)})"
            )
        if leaf.shape[:1] != (rows,):
            raise PluginError(
                f"start must give tensors whose first dimension is the batch: "
                f"{path} must be [{rows}, …] for {rows} sources (got {list(leaf.shape)})"
            )


class Remembered(NamedTuple):
    """A state, and what its tensors held before a step took it."""

    state: State
    values: Mapping[str, Tensor]

    @classmethod
    def of(cls, state: State) -> "Remembered":
        """Copies what the tensors hold."""
        return cls(state, {path: leaf.clone() for path, leaf in state_leaves(state).items()})


def require_step(answer: Any, before: Remembered, rows: int) -> tuple[Output, State]:
    """Checks the result of a step by the state before.

    Args:
        answer: The result of ``step``.
        before: The state that it took.
        rows: The batch B.

    Returns:
        The output and the state after.

    Raises:
        PluginError: The step breaks a rule of the state; the message says with which tensor.
    """
    if not (isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[0], Output)):
        raise PluginError(f"step must return an Output and a state (got {described(answer)})")
    output, after = answer
    if pytree.tree_structure(before.state) != pytree.tree_structure(after):
        raise PluginError(
            "step must return a state of the same nesting as it was given: "
            f"{_nesting(before.state)} (got {_nesting(after)})"
        )
    old = state_leaves(before.state)
    for path, new in state_leaves(after).items():
        was = before.values[path]
        if not isinstance(new, Tensor):
            raise PluginError(f"step must return tensors: {path} is none (got {described(new)})")
        if (new.dtype, new.dim(), new.shape[:1]) != (was.dtype, was.dim(), (rows,)):
            raise PluginError(
                f"step must keep dtype, rank and batch of every tensor of the state: {path} was "
                f"{tensor_kind(was)} for a batch of {rows} (got {tensor_kind(new)})"
            )
        if new is old[path] and not _same(new, was):
            raise PluginError(
                "step must return a tensor that changes as a new object, because one and the same object is taken "
                f"for a tensor that never changes: {path} was changed in place"
            )
    return output, after


def state_leaves(state: State) -> dict[str, Any]:
    """Returns the tensors of a state by their paths, such as ``state['cache']`` or ``state.past[0]``."""
    leaves, _ = pytree.tree_flatten_with_path(state)
    return {f"state{pytree.keystr(path)}": leaf for path, leaf in leaves}


def described(value: Any) -> str:
    """Returns a value as an error message shows it, without the numbers of its tensors."""
    if isinstance(value, Tensor):
        return f"a tensor {tensor_kind(value)}"
    shown = pytree.tree_map(lambda leaf: _Tensor() if isinstance(leaf, Tensor) else leaf, value)
    return _cut(repr(shown))


def tensor_kind(tensor: Tensor) -> str:
    """Returns the dtype and the shape of a tensor, such as ``float32 [2, 8]``."""
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def _same(one: Tensor, other: Tensor) -> bool:
    """Returns whether two tensors hold the same numbers, and NaN at the same places."""
    return one.shape == other.shape and bool(((one == other) | ((one != one) & (other != other))).all())  # noqa: PLR0124


class _Tensor:
    """Stands for a tensor in a nesting that an error message shows."""

    def __repr__(self) -> str:
        return "…"


def _nesting(state: State) -> str:
    """Returns the nesting of a state without its numbers, such as ``{'hidden': …, 'memory': (…, …)}``."""
    return _cut(repr(pytree.tree_map(lambda _: _Tensor(), state)))


def _cut(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
