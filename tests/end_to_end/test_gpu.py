"""What holds on a GPU, where there is one: training repeats itself, and a file answers as on the CPU."""

import onnxruntime
import pytest
import torch

import s2s_core as s2s

QUIET = s2s.Progress()

MODELS = {
    "mlp-rnn": {"encoder": "mlp-rnn", "decoder": "mlp-rnn"},
    "lstm": {
        "encoder": {"name": "lstm", "layers": 2, "dropout": 0.1},
        "decoder": {"name": "attention-lstm", "layers": 2, "dropout": 0.1},
    },
    "transformer": {"encoder": "transformer", "decoder": "transformer"},
}

SMALL = {
    "task": "reverse",
    "task.held_out": 20,
    "encoder.hidden_size": 16,
    "decoder.hidden_size": 16,
    "decoding.max_length": 12,
    "training.steps": 4,
    "training.validate_every": 2,
    "training.batch_size": 8,
}

TEXTS = ["hello", "", "a", "straße", "abcdefghij"]

on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no GPU")
with_cuda = pytest.mark.skipif(
    "CUDAExecutionProvider" not in onnxruntime.get_available_providers(), reason="this ONNX Runtime is for CPUs alone"
)


@pytest.fixture(params=MODELS)
def settings(request):
    return MODELS[request.param] | SMALL


@on_a_gpu
def test_training_on_a_gpu_repeats_itself(settings, tmp_path):
    """Bit for bit."""
    runs = [s2s.train(settings=settings, output=tmp_path / name, progress=QUIET) for name in ("one", "two")]
    one, two = ((run.folder / "model.safetensors").read_bytes() for run in runs)
    assert one == two


@with_cuda
@pytest.mark.parametrize("beam_size", [1, 5])
def test_a_file_answers_on_a_gpu_as_on_the_cpu(settings, beam_size, tmp_path):
    """Texts alike; scores up to rounding."""
    run = s2s.train(settings=settings, output=tmp_path / "run", progress=QUIET)
    path = s2s.export(run.folder, progress=QUIET).path
    found = [s2s.load(path, provider=each).answers(TEXTS, beam_size=beam_size) for each in ("cpu", "cuda")]
    assert found[0].hypotheses.tolist() == found[1].hypotheses.tolist()
    assert found[0].scores == pytest.approx(found[1].scores, abs=1e-3)
