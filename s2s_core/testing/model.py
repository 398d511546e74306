"""The promises of encoders and decoders about whole models: saving, learning, counterparts and export."""

import math
import tempfile
from pathlib import Path
from typing import Literal

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional

from s2s_core.config.decoding import DecodingConfig
from s2s_core.config.fields import NoConfig
from s2s_core.config.tables import Component, RunConfig, SourceConfig, TargetConfig
from s2s_core.decoding import BeamSearch
from s2s_core.model.checkpoint import TextModel, load_weights, weights
from s2s_core.model.contract import memory_sizes
from s2s_core.model.interfaces import Decoder, Encoder, padding_mask
from s2s_core.model.seq2seq import Seq2Seq
from s2s_core.testing.counterparts import PlainDecoder, PlainEncoder
from s2s_core.testing.promise import BrokenPromiseError, broken, require
from s2s_core.testing.sequence import E
from s2s_core.testing.subject import Subject
from s2s_core.text.characters import Characters
from s2s_core.text.tokenizer import TokenizerConfig
from s2s_core.text.vocabulary import EOS, PAD, SPECIALS

LETTERS = "abc"

IDS = SPECIALS + len(LETTERS)
"""The number of ids of the tiny vocabulary."""

TEXTS = ("abc", "cab", "b", "ccaabb", "abcabcabc")
"""The sources on which file and model are compared, besides the unusual ones of every proof."""

Batch = tuple[Tensor, Tensor, Tensor, Tensor]
"""Source ids [B, S], their lengths [B], target ids [B, T], their lengths [B]."""

TRIES = ((0, 0.01), (1, 0.003), (2, 0.01))
"""The seeds and learning rates to try; a component must learn the task with one of them."""

UPDATES = 300

SHARE = 0.25
"""The loss that must be reached, as a share of the minimum loss that is possible without the source."""


def require_saving(subject: Subject) -> None:
    """Checks that another model with a model's saved weights has the same outputs."""
    batch = _pairs()
    torch.manual_seed(1)
    trained = _whole(subject).train()
    optimizer = torch.optim.SGD(trained.parameters(), 0.1)
    _loss(trained, batch).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    torch.manual_seed(2)
    loaded = _whole(subject)
    load_weights(loaded, safetensors.torch.load(safetensors.torch.save(weights(trained))))
    with torch.no_grad():
        expected, answers = trained.eval()(*batch), loaded.eval()(*batch)
    require(torch.equal(expected, answers), "a new model with the saved weights has other outputs than the saved model")


def require_learning(subject: Subject) -> None:
    """Checks that a model learns to sort one or two letters."""
    batch = _pairs()
    ignorant = _loss_without_source(batch)
    losses = []
    for seed, rate in TRIES:
        torch.manual_seed(seed)
        losses.append(_learned(_whole(subject), batch, rate, SHARE * ignorant))
        if losses[-1] < SHARE * ignorant:
            return
    broken(
        f"after {UPDATES} updates the loss of a target token is {min(losses):.3f} at best; it should be below "
        f"{SHARE * ignorant:.3f}, as {ignorant:.3f} is possible without reading the source"
    )


def require_counterparts(subject: Subject) -> None:
    """Checks a model with each installed counterpart, except those that don't work with a plain component either."""
    for name in subject.plugins.names(_counterpart(subject)):
        other = _working(subject, name)
        if other is None:
            continue
        pair = (subject, other) if subject.kind == "encoder" else (other, subject)
        try:
            _exercise(_model(*pair))
        except BrokenPromiseError as error:
            broken(f"with {other} {error}")
        except Exception as error:
            raise BrokenPromiseError(f"with {other} it raises {type(error).__name__}: {error}") from error


def require_export(subject: Subject) -> None:
    """Checks that a model's exported file gives the same answers as the model."""
    from s2s_core.exporting.exporter import export  # noqa: PLC0415  # its libraries take seconds to import

    model = _whole(subject).eval()
    for owned in (model.source_embedding, model.target_embedding, model.projection):
        if owned is not None:
            nn.init.normal_(owned.weight)  # so that different sources have different answers
    plain = Component("plain", NoConfig())
    own = Component(subject.name, subject.config)
    config = TokenizerConfig()
    characters = Component("characters", config)
    run = RunConfig(
        task=Component("none", NoConfig()),
        source=SourceConfig(characters, E),
        target=TargetConfig(characters, E),
        encoder=own if subject.kind == "encoder" else plain,
        decoder=own if subject.kind == "decoder" else plain,
        decoding=DecodingConfig(max_length=8),
    )
    tokenizers = Characters.train(config, [LETTERS]), Characters.train(config, [LETTERS])
    with tempfile.TemporaryDirectory() as folder:
        export(TextModel(run, *tokenizers, model, []), TEXTS, Path(folder) / "model.onnx")


def _whole(subject: Subject) -> Seq2Seq:
    """Returns a model of a component and a plain counterpart."""
    return _model(*(subject if subject.kind == kind else None for kind in ("encoder", "decoder")))


def _model(encoder: Subject | None, decoder: Subject | None) -> Seq2Seq:
    """Returns a model of an encoder and a decoder, each plain by default."""
    reading: Encoder = encoder.component(encoder.config, E) if encoder else PlainEncoder(NoConfig(), E)
    sizes = memory_sizes(reading)
    writing: Decoder = decoder.component(decoder.config, E, sizes) if decoder else PlainDecoder(NoConfig(), E, sizes)
    return Seq2Seq(reading, writing, IDS, IDS)


def _counterpart(subject: Subject) -> Literal["encoder", "decoder"]:
    return "decoder" if subject.kind == "encoder" else "encoder"


def _working(subject: Subject, name: str) -> Subject | None:
    """Returns an installed counterpart of a component; None if it doesn't work with a plain component."""
    try:
        other = Subject.installed(_counterpart(subject), name, plugins=subject.plugins)
        _exercise(_whole(other))
    except Exception:  # noqa: BLE001  # it is the other's fault, whatever it is
        return None
    return other


def _exercise(model: Seq2Seq) -> None:
    """Computes the gradients of one update, and searches."""
    batch = _pairs()
    loss = _loss(model.train(), batch)
    require(loss.isfinite(), f"the loss is {loss.item()}")
    loss.backward()  # type: ignore[no-untyped-call]
    for name, parameter in model.named_parameters():
        finite = parameter.grad is None or bool(parameter.grad.isfinite().all())
        require(finite, f"the gradient of {name} is not finite")
    _, scores = BeamSearch(model.eval())(*batch[:2], beam_size=2, max_length=4)
    require(scores.isfinite().all(), "a search returns scores that are not finite")


def _pairs() -> Batch:
    """Returns all sources of one or two letters, with their sorted letters as targets."""
    letters = range(SPECIALS, IDS)
    sources = [[one] for one in letters] + [[one, other] for one in letters for other in letters]
    return (*_padded(sources), *_padded([sorted(source) for source in sources]))


def _padded(rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Returns ids with EOS, [B, S], and the rows' lengths [B]."""
    longest = max(map(len, rows))
    ids = [[*row, EOS, *[PAD] * (longest - len(row))] for row in rows]
    return torch.tensor(ids), torch.tensor([len(row) + 1 for row in rows])


def _loss(model: Seq2Seq, batch: Batch) -> Tensor:
    """Returns the mean loss of a target token."""
    target, lengths = batch[2:]
    return functional.cross_entropy(model(*batch), target[padding_mask(lengths, target.shape[1])])


def _loss_without_source(batch: Batch) -> float:
    """Returns the minimum mean loss of a target token for a model that knows the distribution of targets only."""
    targets = [tuple(row) for row in batch[2].tolist()]
    surprise = sum(-math.log(targets.count(target) / len(targets)) for target in targets)
    return surprise / int(batch[3].sum())


def _learned(model: Seq2Seq, batch: Batch, rate: float, enough: float) -> float:
    """Trains a model until its loss in evaluation mode is below ``enough``, or for ``UPDATES``; returns that loss."""
    optimizer = torch.optim.Adam(model.parameters(), rate)
    reached = math.inf
    for update in range(1, UPDATES + 1):
        optimizer.zero_grad()
        _loss(model.train(), batch).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if update % 20 == 0:
            with torch.no_grad():
                reached = min(reached, float(_loss(model.eval(), batch)))
            if reached < enough:
                break
    return reached
