"""The state on disk."""

import pytest
import torch

from s2s_core.training.averaging import Averaging
from s2s_core.training.state import Parts, TrainingState, load_state, save_state


@pytest.fixture
def make_parts(make_model):
    """Makes what training changes, with a scaler as fp16 has it on a GPU."""
    from s2s_core.config import TrainingConfig
    from s2s_core.training.optimizer import make_optimizer

    def make():
        model, config = make_model(), TrainingConfig()
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
        return Parts(model, make_optimizer(config, model.parameters()), Averaging(model, config), scaler)

    return make


def test_the_scale_of_fp16_is_kept(make_run, make_parts):
    """A resumed run scales its loss as it did before."""
    run, before, after = make_run(), make_parts(), make_parts()
    before.scaler.scale(torch.ones(()))
    before.scaler.update(64.0)
    save_state(run, TrainingState(step=3), before)
    assert load_state(run, after).step == 3
    assert after.scaler.state_dict() == before.scaler.state_dict()
    assert after.scaler.get_scale() == 64.0
