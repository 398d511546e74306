"""Measures files with smaller weights beside those with weights of 32 bits: sizes, times and scores.

    python benchmarks/quantized.py RUN… [--only KIND …]
    python benchmarks/quantized.py [--only KIND …] [--rounds N]

Of each run, a row for each kind has what ``s2s export --quantize KIND`` measures, whatever is lost. Without a run, it
times the large model of ``transformer_step.py``, whose weights are random, on 20 words in and out. Both sides of a row
answer in turns on one thread, so its ratios are what counts; the times depend on the machine.
"""

import tempfile
from functools import partial
from pathlib import Path

import click
import onnx
import onnx_ir as ir
import onnxruntime
import transformer_step

import s2s_core as s2s
from s2s_core.config.tables import QUANTIZATIONS
from s2s_core.exporting.pieces import export_pieces
from s2s_core.exporting.quantization import quantized
from s2s_core.exporting.stitch import stitch
from s2s_core.pipeline.quantization import Quantization
from s2s_core.text.tokenizer import TokenizerConfig
from s2s_core.text.vocabulary import SPECIALS
from s2s_core.text.words import Words

LARGE = transformer_step.MODELS["6+6 layers of 512"]
LENGTH = 20


@click.command()
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--only", multiple=True, type=click.Choice(QUANTIZATIONS), help="May be repeated.  [default: all kinds]")
@click.option("--rounds", default=7, type=click.IntRange(min=1), help="Without a run.")
def main(runs: tuple[Path, ...], only: tuple[str, ...], rounds: int) -> None:
    """Prints a row for each run and kind, or for each kind of the large model."""
    kinds = only or QUANTIZATIONS
    for run in runs:
        for kind in kinds:
            print(f"{run.name}, {kind}: {measured(run, kind)}", flush=True)
    if not runs:
        for line in timed(kinds, rounds):
            print(line, flush=True)


def measured(run: Path, kind: str) -> str:
    """Returns what an export of a run measures."""
    settings = {"export.quantize": kind, "export.maximum_loss": 1e9}
    with tempfile.TemporaryDirectory() as folder:
        file = s2s.export(run, Path(folder) / "model.onnx", settings, progress=s2s.Progress())
    found = file.quantization
    assert isinstance(found, Quantization)
    plain, small = found.plain, found.quantized
    costs = {
        "MB": (plain.size / 1e6, small.size / 1e6),
        "ms alone": (plain.alone, small.alone),
        "ms of 64": (plain.together, small.together),
    }
    texts = [f"{name} {before:.2f} → {after:.2f} ({before / after:.2f}×)" for name, (before, after) in costs.items()]
    for split, before, after in (("validation", plain.validation, small.validation), ("test", plain.test, small.test)):
        for name, metric in found.metrics.items():
            texts.append(f"{split} {name} {metric.display(before[name])} → {metric.display(after[name])}")
    return "; ".join(texts)


def timed(kinds: tuple[str, ...], rounds: int) -> list[str]:
    """Returns lines on the sizes and times of the large model's files."""
    words = [f"w{number}" for number in range(transformer_step.VOCABULARY - SPECIALS)]
    tokenizer = Words.train(TokenizerConfig(), [" ".join(words)])
    pieces = export_pieces(transformer_step.make_model(LARGE))
    plain = ir.to_proto(stitch(pieces, (tokenizer, tokenizer), transformer_step.described(LARGE, LENGTH)))
    contents = {"32 bits": plain.SerializeToString()}
    for kind in kinds:
        own = onnx.load_from_string(contents["32 bits"])
        contents[kind] = ir.to_proto(quantized(ir.from_proto(own), kind)).SerializeToString()
    sessions = [session(content) for content in contents.values()]
    lines = []
    for batch in (1, 8, 64):
        texts = [" ".join(words[row + 7 * place] for place in range(LENGTH - 1)) for row in range(batch)]
        sides = tuple(partial(transformer_step.answer, each, texts) for each in sessions)
        seconds = transformer_step.interleaved(sides, rounds)
        for kind, content, each in zip(contents, contents.values(), seconds, strict=True):
            cost = f"{len(content) / 1e6:.1f} MB, {1000 * each / batch:.1f} ms per text ({seconds[0] / each:.2f}×)"
            lines.append(f"{batch} at a time, {kind}: {cost}")
    return lines


def session(content: bytes) -> onnxruntime.InferenceSession:
    """Opens a file on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(content, options)


if __name__ == "__main__":
    main()
