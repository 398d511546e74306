"""CTranslate2's side of ``ctranslate2.py``: makes its model of our weights, and answers what comes on standard input.

    PYTHON -P benchmarks/ctranslate2_side.py FOLDER

PYTHON has CTranslate2 and numpy, and need not have s2s. FOLDER has ``sizes.json`` and ``weights.npz``, as
``ctranslate2.py`` writes them. A line tells when the model is ready. Then each line that comes is a JSON object with
``texts``, ``beam_size``, ``length`` and ``calls``; for each, a line goes out with the ``answers`` and the CPU
``seconds`` of a call. ``-P`` keeps the other script from being imported in the place of CTranslate2.
"""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

Weights = Mapping[str, Any]
"""Arrays by the names that they have in our model."""


def main() -> None:
    """Answers until the input ends."""
    import ctranslate2  # noqa: PLC0415  # so that this file can be read where there is none

    folder = Path(sys.argv[1])
    convert(folder, folder / "converted")
    translator = ctranslate2.Translator(
        str(folder / "converted"), device="cpu", compute_type="float32", inter_threads=1, intra_threads=1
    )
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        began = time.process_time()
        for _ in range(asked["calls"]):
            answers = translate(translator, asked["texts"], asked["beam_size"], asked["length"])
        seconds = (time.process_time() - began) / asked["calls"]
        print(json.dumps({"answers": answers, "seconds": seconds}), flush=True)


def translate(translator: Any, texts: list[str], beam_size: int, length: int) -> list[str]:
    """Returns the best answer to each text, of ``length`` words at most."""
    sources = [text.split(" ") for text in texts]
    results = translator.translate_batch(sources, beam_size=beam_size, max_decoding_length=length)
    return [" ".join(result.hypotheses[0]) for result in results]


def convert(folder: Path, output: Path) -> None:
    """Writes CTranslate2's model of the weights in a folder."""
    from ctranslate2.specs import TransformerSpec  # noqa: PLC0415  # as above

    sizes, weights = json.loads((folder / "sizes.json").read_text()), np.load(folder / "weights.npz")
    spec = TransformerSpec.from_config(sizes["layers"], sizes["heads"], pre_norm=True)
    fill_encoder(spec.encoder, weights)
    fill_decoder(spec.decoder, weights)
    for register in (spec.register_source_vocabulary, spec.register_target_vocabulary):
        register(sizes["vocabulary"])
    padding, begin, end, unknown = sizes["vocabulary"][:4]
    del padding
    spec.config.bos_token = spec.config.decoder_start_token = begin
    spec.config.eos_token, spec.config.unk_token = end, unknown
    spec.config.add_source_eos = True
    spec.config.layer_norm_epsilon = 1e-5
    spec.validate()
    spec.optimize()
    output.mkdir()
    spec.save(str(output))


def fill_encoder(spec: Any, weights: Weights) -> None:
    """Fills in the encoder, and what is before it."""
    fill_input(spec, spec.embeddings[0], weights["source_embedding.weight"], weights["positions"])
    for number, layer in enumerate(spec.layer):
        name = f"encoder.layers.{number}"
        fill_self_attention(layer.self_attention, weights, name)
        fill_feed_forward(layer.ffn, weights, name)
    fill_norm(spec.layer_norm, weights, "encoder.norm")


def fill_decoder(spec: Any, weights: Weights) -> None:
    """Fills in the decoder, and what is around it."""
    fill_input(spec, spec.embeddings, weights["target_embedding.weight"], weights["positions"])
    for number, layer in enumerate(spec.layer):
        name = f"decoder.layers.{number}"
        fill_self_attention(layer.self_attention, weights, name)
        fill_cross_attention(layer.attention, weights, name)
        fill_feed_forward(layer.ffn, weights, name)
    fill_norm(spec.layer_norm, weights, "decoder.norm")
    fill_linear(spec.projection, weights, "projection")


def fill_input(spec: Any, embedding: Any, vectors: Any, positions: Any) -> None:
    """Fills in the vectors of tokens, which aren't scaled, and those of positions."""
    spec.scale_embeddings = False
    embedding.weight = vectors
    spec.position_encodings.encodings = positions


def fill_self_attention(spec: Any, weights: Weights, layer: str) -> None:
    """Fills in self-attention, whose queries, keys and values are one product on both sides."""
    fill_norm(spec.layer_norm, weights, f"{layer}.attention_norm")
    fill_linear(spec.linear[0], weights, f"{layer}.attention.project")
    fill_linear(spec.linear[1], weights, f"{layer}.attention.merge")


def fill_cross_attention(spec: Any, weights: Weights, layer: str) -> None:
    """Fills in attention to the memory, whose keys and values are one product on both sides."""
    fill_norm(spec.layer_norm, weights, f"{layer}.memory_norm")
    for linear, name in zip(spec.linear, ("query", "memory", "merge"), strict=True):
        fill_linear(linear, weights, f"{layer}.memory_attention.{name}")


def fill_feed_forward(spec: Any, weights: Weights, layer: str) -> None:
    """Fills in the perceptron."""
    fill_norm(spec.layer_norm, weights, f"{layer}.feed_forward_norm")
    fill_linear(spec.linear_0, weights, f"{layer}.feed_forward.0")
    fill_linear(spec.linear_1, weights, f"{layer}.feed_forward.3")


def fill_norm(spec: Any, weights: Weights, name: str) -> None:
    """Fills in a layer normalisation."""
    spec.gamma, spec.beta = weights[f"{name}.weight"], weights[f"{name}.bias"]


def fill_linear(spec: Any, weights: Weights, name: str) -> None:
    """Fills in a product, with its bias if it has one."""
    spec.weight = weights[f"{name}.weight"]
    if f"{name}.bias" in weights:
        spec.bias = weights[f"{name}.bias"]


if __name__ == "__main__":
    main()
