"""The state that training resumes from: one file, written atomically."""

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import attrs
import torch
from torch import Tensor

from s2s_core.data.splits import Splits
from s2s_core.errors import DataError, ModelError
from s2s_core.model.checkpoint import load_weights, saved_step, weights
from s2s_core.model.seq2seq import Seq2Seq
from s2s_core.model.tensors import Stored, read_tensors, write_tensors
from s2s_core.runs.run import Run
from s2s_core.training.averaging import Averaging


def _count(state: "TrainingState", attribute: "attrs.Attribute[int]", value: object) -> None:
    """Checks a number of things that have happened."""
    del state
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{attribute.name} is no count: {value!r}")


def _number(state: "TrainingState", attribute: "attrs.Attribute[Any]", value: object) -> None:
    """Checks a number that was measured; a perplexity may be infinite."""
    del state
    if not isinstance(value, int | float) or isinstance(value, bool) or math.isnan(value):
        raise ValueError(f"{attribute.name} is no number: {value!r}")


def _numbers(state: "TrainingState", attribute: "attrs.Attribute[list[float]]", values: list[float]) -> None:
    """Checks numbers that were measured."""
    for value in values:
        _number(state, attribute, value)


@attrs.define(on_setattr=attrs.setters.NO_OP)
class TrainingState:
    """The progress of training.

    Attributes:
        fingerprint: The task's fingerprint, which identifies the training examples.
        step: The number of updates so far.
        best_score: The best model's score in the metric that chooses it.
        best_rank: Its score in each metric, more being better, and the negative of its validation loss.
        best_step: The step at which that model was validated; 0 before the first validation.
        best_of: The number of models whose mean it is.
        stale: The number of validations since the best one; that of a mean isn't counted.
        stopped: Whether training ended before its last step.
        loss_sum: The summed loss of all target tokens since the last validation.
        token_count: The number of these tokens.
        pair_count: The number of pairs of all updates, each as often as it was seen.
        reductions: How often the learning rate was reduced on a plateau.
    """

    fingerprint: str | None = None
    step: int = attrs.field(default=0, validator=_count)
    best_score: float | None = attrs.field(default=None, validator=attrs.validators.optional(_number))
    best_rank: list[float] | None = attrs.field(default=None, validator=attrs.validators.optional(_numbers))
    best_step: int = attrs.field(default=0, validator=_count)
    best_of: int = attrs.field(default=1, validator=_count)
    stale: int = attrs.field(default=0, validator=_count)
    stopped: bool = attrs.field(default=False, validator=attrs.validators.instance_of(bool))
    loss_sum: float = attrs.field(default=0.0, validator=_number)
    token_count: int = attrs.field(default=0, validator=_count)
    pair_count: int = attrs.field(default=0, validator=_count)
    reductions: int = attrs.field(default=0, validator=_count)

    def __attrs_post_init__(self) -> None:
        if self.best_step > self.step or (self.best_step > 0) != (self.best_score is not None):
            raise ValueError(f"its best model can't be of step {self.best_step} with the score {self.best_score}")

    def note(self, rank: list[float], models: int, *, higher_is_better: bool) -> bool:
        """Records a validation, and returns whether it is the best so far.

        Of two that are equal in the first metric, the next one decides, and at last the loss: while no answer is right
        yet, or all of them are, it still tells whether the model learns.

        Args:
            rank: The scores in all metrics, more being better, and the negative of the loss.
            models: The number of models whose mean was validated.
            higher_is_better: Whether the first metric's own scores are better the higher they are.
        """
        best = self.best_rank is None or rank > self.best_rank
        self.stale = 0 if best else self.stale + (models == 1)
        if best:
            self.best_score = rank[0] if higher_is_better else -rank[0]
            self.best_rank, self.best_step, self.best_of = rank, self.step, models
        return best


@attrs.frozen(eq=False)
class Saved:
    """The objects that training changes and a resumed run restores.

    Attributes:
        model: The model with its latest weights.
        optimizer: The optimizer of these weights.
        averaging: The averaging, which may store earlier weights.
        scaler: Scales the loss to keep gradients in the range of fp16; ``None`` for any other precision.
    """

    model: Seq2Seq
    optimizer: torch.optim.Optimizer
    averaging: Averaging
    scaler: torch.amp.GradScaler | None


def save_state(run: Run, state: TrainingState, saved: Saved) -> None:
    """Writes the state, and everything in ``saved``."""
    tensors = {f"model/{name}": tensor for name, tensor in weights(saved.model).items()}
    tensors |= {f"optimizer/{name}": tensor for name, tensor in _optimizer_tensors(saved).items()}
    tensors |= {f"average/{name}": tensor.cpu() for name, tensor in saved.averaging.tensors().items()}
    run.resume_path.parent.mkdir(exist_ok=True)
    scaler = saved.scaler.state_dict() if saved.scaler else {}
    write_tensors(run.resume_path, tensors, {"training": attrs.asdict(state), "scaler": scaler})


def load_state(run: Run) -> TrainingState:
    """Reads the progress of training.

    Raises:
        ModelError: The run has no state, or it is damaged.
    """
    for path in (run.resume_path, run.description_path):
        if not path.is_file():
            raise ModelError(f"{path} is missing: there is nothing to resume; {_way_out(run)}")
    with _read(run) as stored:
        state = TrainingState(**stored.record["training"])
    if state.best_step:
        _require_best(run, state)
    return state


def _require_best(run: Run, state: TrainingState) -> None:
    """Checks that the best model is there, or one that was saved after the state, which training will reach again.

    Raises:
        ModelError: It isn't, or it is damaged.
    """
    wanted = f"the best model, that of step {state.best_step:,}: put it back, or start again with --overwrite"
    try:
        step = saved_step(run)
    except ModelError as error:
        raise ModelError(f"{error}; there is no way on without {wanted}") from error
    if step is not None and step != state.best_step and step <= state.step:
        raise ModelError(f"{run.weights_path} is of step {step:,}, and not {wanted}")


def load_saved(run: Run, saved: Saved) -> None:
    """Restores the objects in ``saved`` from what ``save_state`` wrote.

    Raises:
        ModelError: The file is damaged or of another model.
    """
    with _read(run) as stored:
        load_weights(saved.model, _under("model/", stored.tensors))
        _load_optimizer(saved, _under("optimizer/", stored.tensors))
        saved.averaging.load(_under("average/", stored.tensors))
        if saved.scaler:
            saved.scaler.load_state_dict(stored.record["scaler"])


def require_same_data(run: Run, state: TrainingState, splits: Splits) -> None:
    """Checks that a run resumes with the examples that it started with, if the task has a fingerprint.

    Raises:
        DataError: The examples have changed.
    """
    if state.fingerprint not in {None, splits.fingerprint()}:
        raise DataError(
            f"the training data changed since {run.folder} began: put them back, or start again with --overwrite, "
            f"or start another run from this one's best model with --set training.initial_run={run.folder}"
        )


@contextlib.contextmanager
def _read(run: Run) -> Iterator[Stored]:
    """Reads the state, and turns any problem with it into a ``ModelError``."""
    try:
        yield read_tensors(run.resume_path)
    except (KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
        raise ModelError(f"{run.resume_path} is damaged or of another run ({error}); {_way_out(run)}") from error


def _way_out(run: Run) -> str:
    again = "start again with --overwrite"
    return f"the best model is still there for s2s export {run.folder}; or {again}" if _has_model(run) else again


def _has_model(run: Run) -> bool:
    return run.weights_path.is_file() and run.description_path.is_file()


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _optimizer_tensors(saved: Saved) -> dict[str, Tensor]:
    """Returns the optimizer's state of each parameter, under ``parameter/quantity``."""
    return {
        f"{name}/{quantity}": value.detach().cpu().contiguous()
        for name, parameter in saved.model.named_parameters()
        for quantity, value in saved.optimizer.state[parameter].items()
        if value is not None  # SGD without momentum has ``None`` for it
    }


def _load_optimizer(saved: Saved, tensors: dict[str, Tensor]) -> None:
    numbers = {name: number for number, (name, _) in enumerate(saved.model.named_parameters())}
    states: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        name, _, quantity = key.rpartition("/")
        states.setdefault(numbers[name], {})[quantity] = tensor
    groups = saved.optimizer.state_dict()["param_groups"]
    saved.optimizer.load_state_dict({"state": states, "param_groups": groups})
