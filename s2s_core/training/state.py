"""What training needs to go on as if it had never stopped: one file, written atomically."""

import json

import attrs
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from s2s_core.checkpoint import load_weights, weights
from s2s_core.errors import ModelError
from s2s_core.files import write_atomically
from s2s_core.model import Seq2Seq
from s2s_core.run import Run
from s2s_core.training.averaging import Averaging


@attrs.define
class TrainingState:
    """Where training stands.

    Attributes:
        step: The updates made.
        best_score: Of the validation metric that chooses the best model.
        best_step: When that model was validated; 0 before the first validation.
        stale: The validations since then that were not better.
        stopped: Whether training ended before its last step.
        loss_sum: The loss of all target tokens since the last validation.
        token_count: Their number.
        reductions: How often the learning rate was reduced on a plateau.
    """

    step: int = 0
    best_score: float | None = None
    best_step: int = 0
    stale: int = 0
    stopped: bool = False
    loss_sum: float = 0.0
    token_count: int = 0
    reductions: int = 0


@attrs.frozen(eq=False)
class Parts:
    """What training changes besides its state.

    Attributes:
        model: Its latest weights.
        optimizer: Of these.
        averaging: What it remembers of earlier weights.
        scaler: Keeps gradients in the range of fp16; of other precisions there is none.
    """

    model: Seq2Seq
    optimizer: torch.optim.Optimizer
    averaging: Averaging
    scaler: torch.amp.GradScaler | None


def save_state(run: Run, state: TrainingState, parts: Parts) -> None:
    """Writes the state, all that training changes, and the generators of chance."""
    tensors = {f"model/{name}": tensor for name, tensor in weights(parts.model).items()}
    tensors |= {f"optimizer/{name}": tensor for name, tensor in _optimizer_tensors(parts).items()}
    tensors |= {f"average/{name}": tensor.cpu() for name, tensor in parts.averaging.tensors().items()}
    tensors |= {f"random/{name}": tensor for name, tensor in _random_states().items()}
    run.resume_path.parent.mkdir(exist_ok=True)
    scaler = parts.scaler.state_dict() if parts.scaler else {}
    # One entry, since safetensors writes several in any order.
    metadata = {"json": json.dumps({"training": attrs.asdict(state), "scaler": scaler})}
    write_atomically(run.resume_path, safetensors.torch.save(tensors, metadata))


def load_state(run: Run, parts: Parts) -> TrainingState:
    """Reads what ``save_state`` wrote into the parts and the generators of chance.

    Raises:
        ModelError: The file is missing, damaged or of another model.
    """
    path = run.resume_path
    if not path.is_file():
        raise ModelError(f"{path} is missing: there is nothing to resume; {_way_out(run)}")
    try:
        with safetensors.safe_open(path, "pt") as file:
            saved = json.loads(file.metadata()["json"])
            state = TrainingState(**saved["training"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
        load_weights(parts.model, _under("model/", tensors))
        _load_optimizer(parts, _under("optimizer/", tensors))
        parts.averaging.load(_under("average/", tensors))
        if parts.scaler:
            parts.scaler.load_state_dict(saved["scaler"])
        _load_random_states(_under("random/", tensors))
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
        raise ModelError(f"{path} is damaged or of another run ({error}); {_way_out(run)}") from error
    return state


def _way_out(run: Run) -> str:
    again = "start again with --overwrite"
    return f"the best model is still there for s2s export {run.folder}; or {again}" if _has_model(run) else again


def _has_model(run: Run) -> bool:
    return run.weights_path.is_file() and run.description_path.is_file()


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _optimizer_tensors(parts: Parts) -> dict[str, Tensor]:
    """Returns what the optimizer remembers of each parameter, as ``parameter/quantity``."""
    return {
        f"{name}/{quantity}": value.detach().cpu().contiguous()
        for name, parameter in parts.model.named_parameters()
        for quantity, value in parts.optimizer.state[parameter].items()
        if value is not None  # the momentum of SGD without momentum
    }


def _load_optimizer(parts: Parts, saved: dict[str, Tensor]) -> None:
    numbers = {name: number for number, (name, _) in enumerate(parts.model.named_parameters())}
    states: dict[int, dict[str, Tensor]] = {}
    for key, tensor in saved.items():
        name, _, quantity = key.rpartition("/")
        states.setdefault(numbers[name], {})[quantity] = tensor
    groups = parts.optimizer.state_dict()["param_groups"]
    parts.optimizer.load_state_dict({"state": states, "param_groups": groups})


def _random_states() -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states |= {f"cuda {number}": state for number, state in enumerate(torch.cuda.get_rng_state_all())}
    return states


def _load_random_states(saved: dict[str, Tensor]) -> None:
    torch.set_rng_state(saved.pop("cpu"))
    if saved and torch.cuda.is_available():
        torch.cuda.set_rng_state_all([state for _, state in sorted(saved.items())])
