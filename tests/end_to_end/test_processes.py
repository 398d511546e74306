"""Training in several processes."""

import os
import subprocess
import sys

import safetensors.torch

SETTINGS = (
    "encoder.hidden_size=8",
    "decoder.hidden_size=8",
    "training.steps=12",
    "training.validate_every=6",
    "training.batch_size=9",
    "training.accumulation=2",
    "training.average=ema",
    "training.label_smoothing=0.1",
    "training.device=cpu",
    "task.held_out=20",
    "decoding.max_length=8",
)


def train(launcher, folder):
    """Trains a tiny model and returns its weights."""
    arguments = [part for setting in SETTINGS for part in ("--set", setting)]
    command = [sys.executable, *launcher, "-m", "s2s_core", "train", "--task", "copy", "--output", folder, *arguments]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout, safetensors.torch.load_file(folder / "model.safetensors")


IMPATIENT = """
import os
from s2s_core import hookimpl

@hookimpl
def s2s_evaluated():
    return os.environ.get("RANK") == "1"
"""


def test_one_process_whose_plugin_stops_training_stops_all(tmp_path, install, monkeypatch):
    """As a plugin may decide by what only one process knows; none waits for another then."""
    install("impatient", IMPATIENT)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    printed, _ = train(["-m", "torch.distributed.run", "--nproc_per_node", "2"], tmp_path / "run")
    assert "stopped after step 6" in printed


def test_two_processes_train_the_model_that_one_trains(tmp_path):
    """Two processes share each batch in unequal parts: the same mean over tokens, so the same average of weights."""
    _, alone = train([], tmp_path / "one")
    printed, shared = train(["-m", "torch.distributed.run", "--nproc_per_node", "2"], tmp_path / "two")
    assert alone.keys() == shared.keys()
    assert max(float((alone[name] - shared[name]).abs().max()) for name in alone) < 1e-6
    assert printed.count("model    mlp-rnn → mlp-rnn") == 1


SCRIPT = """\
from types import SimpleNamespace

from s2s_core.config.training import TrainingConfig
from s2s_core.training.accelerator import make_accelerator

accelerator = make_accelerator(SimpleNamespace(config=SimpleNamespace(training=TrainingConfig())))
print(accelerator.num_processes, flush=True)
"""


def test_processes_without_a_gpu_know_each_other(tmp_path):
    """Or each would train alone and write into the same folder; nothing need be set for it."""
    script = tmp_path / "processes.py"
    script.write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", script]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=120)
    assert "".join(done.stdout.split()) == "22", done.stderr  # lines of two processes may mix
