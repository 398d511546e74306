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
    """

    step: int = 0
    best_score: float | None = None
    best_step: int = 0
    stale: int = 0
    stopped: bool = False
    loss_sum: float = 0.0
    token_count: int = 0


def save_state(run: Run, state: TrainingState, model: Seq2Seq, optimizer: torch.optim.Optimizer) -> None:
    """Writes the state, the weights, the optimizer and the generators of chance."""
    tensors = {f"model/{name}": tensor for name, tensor in weights(model).items()}
    tensors |= {f"optimizer/{name}": tensor for name, tensor in _optimizer_tensors(model, optimizer).items()}
    tensors |= {f"random/{name}": tensor for name, tensor in _random_states().items()}
    run.resume_path.parent.mkdir(exist_ok=True)
    metadata = {"state": json.dumps(attrs.asdict(state))}
    write_atomically(run.resume_path, safetensors.torch.save(tensors, metadata))


def load_state(run: Run, model: Seq2Seq, optimizer: torch.optim.Optimizer) -> TrainingState:
    """Reads what ``save_state`` wrote into the model, the optimizer and the generators of chance.

    Raises:
        ModelError: The file is missing, damaged or of another model.
    """
    path = run.resume_path
    if not path.is_file():
        raise ModelError(f"{path} is missing: there is nothing to resume; start again with --overwrite")
    try:
        with safetensors.safe_open(path, "pt") as file:
            state = TrainingState(**json.loads(file.metadata()["state"]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
        load_weights(model, _under("model/", tensors))
        _load_optimizer(model, optimizer, _under("optimizer/", tensors))
        _load_random_states(_under("random/", tensors))
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
        raise ModelError(f"{path} is damaged or of another run ({error}); start again with --overwrite") from error
    return state


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _optimizer_tensors(model: Seq2Seq, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Returns what the optimizer remembers of each parameter, as ``parameter/quantity``."""
    return {
        f"{name}/{quantity}": value.detach().cpu().contiguous()
        for name, parameter in model.named_parameters()
        for quantity, value in optimizer.state[parameter].items()
    }


def _load_optimizer(model: Seq2Seq, optimizer: torch.optim.Optimizer, saved: dict[str, Tensor]) -> None:
    numbers = {name: number for number, (name, _) in enumerate(model.named_parameters())}
    states: dict[int, dict[str, Tensor]] = {}
    for key, tensor in saved.items():
        name, _, quantity = key.rpartition("/")
        states.setdefault(numbers[name], {})[quantity] = tensor
    optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})


def _random_states() -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states |= {f"cuda {number}": state for number, state in enumerate(torch.cuda.get_rng_state_all())}
    return states


def _load_random_states(saved: dict[str, Tensor]) -> None:
    torch.set_rng_state(saved.pop("cpu"))
    if saved and torch.cuda.is_available():
        torch.cuda.set_rng_state_all([state for _, state in sorted(saved.items())])


def truncate_metrics(run: Run, step: int) -> None:
    """Drops the lines of ``metrics.jsonl`` that training will write again, or wrote only half."""
    if not run.metrics_path.exists():
        return
    lines = run.metrics_path.read_text(encoding="utf-8").splitlines(keepends=True)
    records = [(line, json.loads(line)) for line in lines if line.endswith("\n")]
    kept = [line for line, record in records if record["step"] <= step and "test" not in record]
    write_atomically(run.metrics_path, "".join(kept))
