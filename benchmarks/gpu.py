"""Checks and times training and an exported file on a GPU, each beside the same machine's CPU.

    python benchmarks/gpu.py [--only STAGE …] [--tiny] [--out FOLDER]

It prints a line for each number, and appends it to ``gpu.txt`` in the folder. A stage that fails is told, and the
others go on. Without a GPU, or with ``--tiny``, it shows only that it works.
"""

import collections
import contextlib
import hashlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import onnxruntime
import torch

import s2s_core as s2s
from s2s_core.runs.interruption import TrainingInterruptedError

TRANSFORMER = {"name": "transformer", "layers": 2, "hidden_size": 128, "heads": 4, "feed_forward_size": 512}
LARGE = {"name": "transformer", "layers": 6, "hidden_size": 512, "heads": 8, "feed_forward_size": 2048}
MODELS: dict[str, dict[str, Any]] = {
    "mlp-rnn": {"encoder": "mlp-rnn", "decoder": "mlp-rnn"},
    "lstm + attention-lstm, H 256": {"encoder": "lstm", "decoder": "attention-lstm"},
    "transformer 2+2, d 128": {"encoder": TRANSFORMER, "decoder": TRANSFORMER},
    "transformer 6+6, d 512": {"encoder": LARGE, "decoder": LARGE, "training.learning_rate": 2e-4},
}
TRAINING_BATCHES = (64, 512)
ANSWERED_AT_ONCE = (1, 32, 256)
LENGTHS = {"task.minimum_length": 1, "task.maximum_length": 20, "task.held_out": 100}

Say = Callable[[str], None]


class Watch(s2s.Progress):
    """Notes the speed of training, and sends this process Ctrl-C at a step."""

    def __init__(self, interrupt_at: int = 0) -> None:
        self.speeds: list[float] = []
        self.scores: dict[str, float] = {}
        self._interrupt_at = interrupt_at

    def advanced(self, step: int, loss: float, tokens_per_second: float) -> None:
        """Notes the speed of the last updates."""
        del loss
        self.speeds.append(tokens_per_second)
        if step == self._interrupt_at:
            signal.raise_signal(signal.SIGINT)

    def validated(self, step: int, loss: float, scores: Any, **_: Any) -> None:
        """Notes the scores."""
        del step, loss
        self.scores = dict(scores)


def models(*, tiny: bool) -> dict[str, dict[str, Any]]:
    """Returns the models by their names; if tiny, only the smallest."""
    return dict(list(MODELS.items())[: 1 if tiny else None])


def train(folder: Path, settings: dict[str, Any], watch: Watch, *, resume: bool = False) -> None:
    """Trains a model to reverse words of 1 to 20 letters."""
    lengths = {} if settings.get("task") else {"task": "reverse", **LENGTHS}
    s2s.train(settings={**lengths, **settings}, output=folder, progress=watch, resume=resume, overwrite=not resume)


def demo(say: Say, folder: Path, *, tiny: bool) -> None:
    """Trains, evaluates, exports and proves the default model of the first task, by the command line."""
    arguments = ["--set", "training.steps=20"] if tiny else []
    command = [sys.executable, "-m", "s2s_core", "run", "--task", "reverse", "--encoder", "mlp-rnn"]
    began = time.perf_counter()
    done = subprocess.run([*command, "--output", folder, *arguments], capture_output=True, text=True, check=False)
    say(f"demo: exit {done.returncode} after {time.perf_counter() - began:.0f} s")
    say("\n".join((done.stdout + done.stderr).splitlines()[-8:]))


def speed(say: Say, folder: Path, *, tiny: bool) -> None:
    """Times training, in target tokens per second."""
    kinds: dict[str, dict[str, str]] = {f"CPU, {torch.get_num_threads()} threads": {"training.device": "cpu"}}
    if torch.cuda.is_available():
        kinds |= {"GPU, fp32": {}, "GPU, bf16": {"training.precision": "bf16"}}
    for name, model in models(tiny=tiny).items():
        for batch in TRAINING_BATCHES[: 1 if tiny else None]:
            for kind, settings in kinds.items():
                if "CPU" in kind and batch > TRAINING_BATCHES[0]:
                    continue
                steps = 10 if tiny or "CPU" in kind else 100
                watch = Watch()
                size = {"training.steps": steps, "training.validate_every": steps, "training.batch_size": batch}
                train(folder, {**model, **settings, **size}, watch)
                usual = statistics.median(watch.speeds[len(watch.speeds) // 2 :])
                say(f"training, {name}, batch {batch}, {kind}: {usual:,.0f} target tokens/s")


def identity(say: Say, folder: Path, *, tiny: bool) -> None:
    """Repeats a run, and interrupts and resumes it; the weights must be the same bits."""
    steps = 40 if tiny else 60
    for name, model in list(models(tiny=tiny).items())[:3]:
        settings = {**model, "training.steps": steps, "training.validate_every": steps // 2, "training.batch_size": 64}
        digests = []
        for index, interrupt_at in enumerate((0, 0, steps // 2 + 10)):
            run = folder / f"{index}"
            with contextlib.suppress(TrainingInterruptedError):
                train(run, settings, Watch(interrupt_at))
            if interrupt_at:
                train(run, settings, Watch(), resume=True)
            digests.append(hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()[:12])
        again, resumed = (digest == digests[0] for digest in digests[1:])
        say(f"the same bits, {name}: rerun {again}, resumed {resumed}")


def file(say: Say, folder: Path, *, tiny: bool) -> None:
    """Compares an exported file's answers and latency on both providers, and counts the operators of each."""
    for index, (name, model) in enumerate(models(tiny=tiny).items()):
        steps = 20 if tiny else 300
        run = folder / f"{index}"
        size = {"training.steps": steps, "training.validate_every": steps, "training.batch_size": 64}
        train(run, {**model, **size, "decoding.max_length": 24}, Watch())
        path = s2s.export(run, progress=s2s.Progress()).path
        providers = ["cpu", "cuda"] if "CUDAExecutionProvider" in onnxruntime.get_available_providers() else ["cpu"]
        files = {provider: s2s.load(path, provider=provider) for provider in providers}
        texts = words(50 if tiny else 200 if "512" in name else 1000)
        for beams in (1, 5):
            answers = {provider: one(texts, beam_size=beams) for provider, one in files.items()}
            same = [sum(map(str.__eq__, answers["cpu"], each)) for each in answers.values()]
            say(f"file, {name}, beam {beams}: {same[-1]} of {len(texts)} answers the same")
            for batch in ANSWERED_AT_ONCE[: 1 if tiny else None]:
                times = {each: milliseconds(one, texts[:batch], beams) for each, one in files.items()}
                shown = ", ".join(f"{each} {value:.1f} ms" for each, value in times.items())
                say(f"file, {name}, beam {beams}, batch {batch}: {shown}")
        for provider in providers:
            say(f"file, {name}, on {provider}: {operators(path, provider, texts[:32])}")


def words(count: int) -> list[str]:
    """Returns distinct words of 1 to 20 letters."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    digests = (hashlib.sha256(str(number).encode()).digest() for number in range(count))
    return ["".join(letters[byte % 26] for byte in digest[: 1 + digest[31] % 20]) for digest in digests]


def milliseconds(model: Callable[..., list[str]], texts: Sequence[str], beams: int) -> float:
    """Returns the median time of a call, of at most 8 within a second or so after the first."""
    model(texts, beam_size=beams)
    took: list[float] = []
    while len(took) < 8 and sum(took) < 1000:
        began = time.perf_counter()
        model(texts, beam_size=beams)
        took.append(1000 * (time.perf_counter() - began))
    return statistics.median(took)


def operators(path: Path, provider: str, texts: list[str]) -> str:
    """Returns which nodes ran on which provider, by ONNX Runtime's own profile."""
    options = onnxruntime.SessionOptions()
    options.enable_profiling, options.log_severity_level = True, 3
    options.profile_file_prefix = str(path.parent / f"profile-{provider}")
    names = {"cpu": ["CPUExecutionProvider"], "cuda": ["CUDAExecutionProvider", "CPUExecutionProvider"]}[provider]
    session = onnxruntime.InferenceSession(path, options, providers=names)
    session.run(["target"], {"source": texts})
    calls: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for event in json.loads(Path(session.end_profiling()).read_text()):
        arguments = event.get("args", {})
        if event.get("name", "").endswith("_kernel_time"):
            calls[arguments.get("provider", "?")][arguments["op_name"]] += 1
    return "; ".join(
        f"{where.removesuffix('ExecutionProvider')} {sum(names.values())} calls ("
        + ", ".join(f"{name} {count}" for name, count in names.most_common(12))
        + ")"
        for where, names in calls.items()
    )


STAGES = {"demo": demo, "file": file, "identity": identity, "speed": speed}


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(STAGES)))
@click.option("--tiny", is_flag=True, help="One model, few steps and texts.")
@click.option("--out", default=Path(), type=click.Path(path_type=Path), help="Where gpu.txt is written.")
def main(only: tuple[str, ...], tiny: bool, out: Path) -> None:  # noqa: FBT001  # click calls it
    """Runs the stages."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with (out / "gpu.txt").open("a") as log, tempfile.TemporaryDirectory() as folder:

        def say(text: str) -> None:
            print(text, flush=True)
            log.write(text + "\n")
            log.flush()

        card = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
        say(f"{card}, PyTorch {torch.__version__}, ONNX Runtime {onnxruntime.__version__}")
        for name in only or STAGES:
            began = time.perf_counter()
            try:
                STAGES[name](say, Path(folder) / name, tiny=tiny)
            except Exception:  # noqa: BLE001  # the others are worth having
                say(f"{name} failed:\n{traceback.format_exc()}")
            say(f"({name}: {time.perf_counter() - began:.0f} s)")


if __name__ == "__main__":
    main()
