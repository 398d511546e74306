"""Ends training when its numbers are no numbers any more."""

import torch
from torch import Tensor, nn

from s2s_core.config import TrainingConfig
from s2s_core.errors import S2SError
from s2s_core.run import Run
from s2s_core.training.state import TrainingState


class DivergedError(S2SError):
    """The loss or the weights are infinite or not a number. What is on disk is from before."""


def require_finite(run: Run, state: TrainingState, losses: Tensor, model: nn.Module) -> None:
    """Checks what the last updates did. It waits for the device, so it is not called after each.

    A gradient that is no number spoils the weights one update before the loss shows it. So both are checked, and
    nothing spoilt is validated or saved.

    Args:
        run: What to name.
        state: Where training stands.
        losses: Of the last updates.
        model: After them.

    Raises:
        DivergedError: A loss or a weight is infinite or not a number.
    """
    spoilt = torch.isfinite(losses).logical_not().nonzero()
    if len(spoilt):
        step = state.step - len(losses) + 1 + int(spoilt[0])
        raise DivergedError(f"the loss of step {step} is {float(losses[spoilt[0]])}; {_advice(run, state)}")
    if not torch.stack([parameter.isfinite().all() for parameter in model.parameters()]).all():
        raise DivergedError(f"after step {state.step} some weights are no numbers; {_advice(run, state)}")


def _advice(run: Run, state: TrainingState) -> str:
    kept = f"the best model, of step {state.best_step}, is kept" if state.best_step else "no model was kept yet"
    return f"{kept} in {run.folder}; start again with {', '.join(_remedies(run.config.training))}"


def _remedies(config: TrainingConfig) -> list[str]:
    clipped = f"a lower training.clip_norm than {config.clip_norm}" if config.clip_norm else "training.clip_norm=1"
    return [
        f"a lower training.learning_rate than {config.learning_rate}",
        f"more training.warmup_steps than {config.warmup_steps}",
        clipped if config.precision == "full" else f"{clipped}, or training.precision=full",
    ]
