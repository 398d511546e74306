"""The state that training resumes from: one file, written atomically."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any, cast

import attrs
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from s2s_core.data.splits import Splits
from s2s_core.errors import DataError, ModelError
from s2s_core.files import write_atomically
from s2s_core.model.checkpoint import load_weights, weights
from s2s_core.model.seq2seq import Seq2Seq
from s2s_core.runs.run import Run
from s2s_core.training.averaging import Averaging


@attrs.define
class TrainingState:
    """The progress of training.

    Attributes:
        fingerprint: The task's fingerprint, which identifies the training examples.
        step: The number of updates so far.
        best_score: The best model's score in the metric that chooses it.
        best_step: The step at which that model was validated; 0 before the first validation.
        best_of: The number of models whose mean it is.
        stale: The number of validations since the last better score.
        stopped: Whether training ended before its last step.
        loss_sum: The summed loss of all target tokens since the last validation.
        token_count: The number of these tokens.
        pair_count: The number of pairs of all updates, each as often as it was seen.
        reductions: How often the learning rate was reduced on a plateau.
    """

    fingerprint: str | None = None
    step: int = 0
    best_score: float | None = None
    best_step: int = 0
    best_of: int = 1
    stale: int = 0
    stopped: bool = False
    loss_sum: float = 0.0
    token_count: int = 0
    pair_count: int = 0
    reductions: int = 0

    def note(self, score: float, gain: float, models: int) -> None:
        """Records a validation.

        Args:
            score: The score in the metric that chooses the best model.
            gain: How much better it is than the best score so far; 0 if it is equal.
            models: The number of models whose mean was validated.
        """
        self.stale = 0 if gain > 0 else self.stale + 1
        if gain >= 0:
            self.best_score, self.best_step, self.best_of = score, self.step, models


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
    # One entry, since safetensors writes several in no fixed order.
    metadata = {"json": json.dumps({"training": attrs.asdict(state), "scaler": scaler})}
    write_atomically(run.resume_path, safetensors.torch.save(tensors, metadata))


def load_state(run: Run) -> TrainingState:
    """Reads the progress of training.

    Raises:
        ModelError: The run has no state, or it is damaged.
    """
    for path in (run.resume_path, run.description_path):
        if not path.is_file():
            raise ModelError(f"{path} is missing: there is nothing to resume; {_way_out(run)}")
    with _opened(run) as file:
        return TrainingState(**_metadata(file)["training"])


def load_saved(run: Run, saved: Saved) -> None:
    """Restores the objects in ``saved`` from what ``save_state`` wrote.

    Raises:
        ModelError: The file is damaged or of another model.
    """
    with _opened(run) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
        load_weights(saved.model, _under("model/", tensors))
        _load_optimizer(saved, _under("optimizer/", tensors))
        saved.averaging.load(_under("average/", tensors))
        if saved.scaler:
            saved.scaler.load_state_dict(_metadata(file)["scaler"])


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
def _opened(run: Run) -> Iterator[Any]:
    """Opens the state, and turns any problem with it into a ``ModelError``."""
    try:
        with safetensors.safe_open(run.resume_path, "pt") as file:
            yield file
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
        raise ModelError(f"{run.resume_path} is damaged or of another run ({error}); {_way_out(run)}") from error


def _metadata(file: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(file.metadata()["json"]))


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
