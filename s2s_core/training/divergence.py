"""Ends training when the loss or the weights are infinite or not numbers."""

import torch
from torch import Tensor, nn

from s2s_core.errors import S2SError
from s2s_core.runs.run import Run
from s2s_core.training.state import TrainingState


class DivergedError(S2SError):
    """The loss or the weights are infinite or NaN. The files on disk are from before that."""


def require_finite(run: Run, state: TrainingState, losses: Tensor, model: nn.Module) -> None:
    """Checks the results of the last updates. It waits for the device, so it is not called after each update.

    A gradient that is not a number spoils the weights one update before the loss shows it. So both are checked, and
    nothing spoilt is validated or saved.

    Args:
        run: The run, which the error names.
        state: The current state of training.
        losses: The losses of the last updates.
        model: The model after these updates.

    Raises:
        DivergedError: A loss or a weight is infinite or NaN.
    """
    spoilt = losses.isfinite().logical_not().nonzero()
    if len(spoilt):
        step = state.step - len(losses) + 1 + int(spoilt[0])
        raise DivergedError(
            f"training diverged: the loss of step {step} is {float(losses[spoilt[0]])}; {_way_out(run, state)}"
        )
    if not torch.stack([parameter.isfinite().all() for parameter in model.parameters()]).all():
        raise DivergedError(
            f"training diverged: some weights after step {state.step} are not numbers; {_way_out(run, state)}"
        )


def _way_out(run: Run, state: TrainingState) -> str:
    config = run.config.training
    holds = f"still holds the best model, of step {state.best_step}" if state.best_step else "holds no model yet"
    if run.previous_path.exists():
        holds += f", but the run before it is in {run.previous_path}"
    remedies = [
        f"a lower training.learning_rate than {config.learning_rate}",
        f"more training.warmup_steps than {config.warmup_steps}",
        f"a lower training.clip_norm than {config.clip_norm}" if config.clip_norm else "training.clip_norm=1",
    ]
    if config.weight_decay > 1:
        remedies.insert(0, f"a lower training.weight_decay than {config.weight_decay}")
    if config.initial_range > 1:
        remedies.insert(0, f"a lower training.initial_range than {config.initial_range}")
    if config.precision != "full":
        remedies.append("training.precision=full")
    return f"{run.folder} {holds}; start again with --overwrite and {', or '.join(remedies)}"
