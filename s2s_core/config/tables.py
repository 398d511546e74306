"""What a run consists of: the tables of its TOML."""

from typing import Annotated, Any

import attrs

from s2s_core.config.fields import (
    BadValueError,
    all_different,
    at_least,
    between,
    described,
    more_than,
    one_of,
    setting,
)
from s2s_core.errors import ConfigError

OPTIMIZERS = ("adamw", "adam", "sgd", "adafactor")
SCHEDULES = ("cosine", "linear", "constant", "inverse-square-root", "plateau", "halving")
AVERAGES = ("none", "last", "best", "ema")
PRECISIONS = ("full", "bf16", "fp16")

MOST_BEAMS = 1000
MOST_TOKENS = 1_000_000
"""Of an answer."""

MOST_ROWS = 100_000
"""Of a batch."""

WIDEST = 16_384
"""The most numbers in a token's vector."""


@attrs.frozen
class Component:
    """A component that a run uses.

    In TOML it is a table of its name and its settings, or just its name: ``encoder = "mlp-rnn"``.

    Attributes:
        name: As its plugin registered it.
        config: An instance of the component's ``Config``.
    """

    name: str
    config: Any


TaskComponent = Annotated[Component, "task"]
TokenizerComponent = Annotated[Component, "tokenizer"]
EncoderComponent = Annotated[Component, "encoder"]
DecoderComponent = Annotated[Component, "decoder"]
MetricComponent = Annotated[Component, "metric"]


@attrs.frozen
class SourceConfig:
    """How source texts become vectors."""

    tokenizer: TokenizerComponent
    embedding_size: int = setting(64, "width E of a source token's vector", between(1, WIDEST))
    dropout: float = setting(0.0, "share of numbers dropped from these vectors in training", between(0, 0.99))
    reverse: bool = setting(default=False, help="whether the encoder reads the tokens from the last to the first")


@attrs.frozen
class TargetConfig:
    """How target texts become vectors and logits."""

    tokenizer: TokenizerComponent
    embedding_size: int = setting(64, "width E of a target token's vector", between(1, WIDEST))
    dropout: float = setting(0.0, "share of numbers dropped from these vectors in training", between(0, 0.99))
    tie_projection: bool = setting(default=False, help="whether the projection's weight is the target embedding's")
    share_vocabulary: bool = setting(default=False, help="whether one tokenizer, trained on both sides, serves both")
    tie_embeddings: bool = setting(
        default=False, help="whether the source embedding's weight is the target embedding's"
    )


@attrs.frozen
class TrainingConfig:
    """How the model is trained."""

    steps: int = setting(3000, "number of updates", at_least(1))
    batch_size: int = setting(128, "pairs in an update, over all processes", between(1, MOST_ROWS))
    batch_tokens: int = setting(
        0,
        "most ids in an update, padding and both sides included, instead of batch_size pairs; 0 sets none",
        between(0, 100_000_000),
    )
    bucket_batches: int = setting(
        32, "batches whose pairs are sorted by length together; 1 sorts none", between(1, 10_000)
    )
    accumulation: int = setting(
        1, "parts in which an update's batch is computed, to save memory", between(1, MOST_ROWS)
    )
    initial_run: str = setting("", "folder of an earlier run whose weights and vocabularies to start from")
    optimizer: str = setting("adamw", "what turns gradients into updates", one_of(*OPTIMIZERS))
    learning_rate: float = setting(5e-4, "highest learning rate", more_than(0))
    schedule: str = setting("cosine", "how the learning rate falls", one_of(*SCHEDULES))
    warmup_steps: int = setting(100, "updates in which the learning rate rises to its highest", at_least(0))
    halving_start: int = setting(1000, "of halving: updates before the rate is halved first", at_least(1))
    halving_interval: int = setting(500, "of halving: updates between that and each further halving", at_least(1))
    plateau_patience: int = setting(2, "of plateau: validations without a better score that it waits", at_least(1))
    plateau_factor: float = setting(0.5, "of plateau: what the rate is multiplied by then", between(0, 1))
    weight_decay: float = setting(0.01, "of adamw and adafactor", at_least(0))
    beta1: float = setting(0.9, "of adamw and adam", between(0, 0.9999))
    beta2: float = setting(0.98, "of adamw and adam", between(0, 0.9999))
    momentum: float = setting(0.0, "of sgd", between(0, 0.9999))
    clip_norm: float = setting(5.0, "largest norm of the whole gradient; 0 clips nothing", at_least(0))
    label_smoothing: float = setting(0.0, "share of the loss that wants all tokens equally likely", between(0, 0.9999))
    average_over: str = setting("tokens", "what the loss is the mean over in an update", one_of("tokens", "pairs"))
    average: str = setting("none", "which weights are averaged for the model that is kept", one_of(*AVERAGES))
    average_count: int = setting(5, "of last and best: validations whose weights are averaged", at_least(1))
    ema_decay: float = setting(0.999, "of ema: what stays of the average in an update", between(0, 0.999999))
    validate_every: int = setting(500, "updates between two validations", at_least(1))
    patience: int = setting(0, "validations without a better score before training stops; 0 never stops", at_least(0))
    initial_range: float = setting(
        0.0, "new weights are uniform from -this to this; 0 leaves them to each component", at_least(0)
    )
    seed: int = setting(0, "the only source of chance", between(0, 2**32 - 1))
    device: str = setting("auto", "auto takes a GPU where there is one", one_of("auto", "cpu"))
    precision: str = setting("full", "numbers that the model computes with in training", one_of(*PRECISIONS))
    trackers: tuple[str, ...] = setting((), "where training also logs its scores, as plugins offer", all_different())


@attrs.frozen
class DecodingConfig:
    """How answers are searched, and the defaults of the exported file."""

    beam_size: int = setting(1, "beams; 1 is greedy search; in sampling, samples", between(1, MOST_BEAMS))
    max_length: int = setting(100, "most tokens of an answer, its end included", between(1, MOST_TOKENS))
    max_length_ratio: float = setting(
        0.0, "how much each source token, its end included, adds to that", between(0, MOST_TOKENS)
    )
    min_length: int = setting(0, "fewest tokens of an answer, its end included", between(0, MOST_TOKENS))
    min_length_ratio: float = setting(
        0.0, "how much each source token, its end included, adds to that", between(0, MOST_TOKENS)
    )
    length_penalty: float = setting(
        0.0, "0 ranks hypotheses by log-probability, 1 nearly by that of a token", between(-10, 10)
    )
    coverage_penalty: float = setting(
        0.0, "how much a hypothesis loses that attends too little to parts of the source; 0 is off", at_least(0)
    )
    no_repeat_ngram: int = setting(0, "no row of so many tokens comes twice in an answer; 0 is off", at_least(0))
    sampling: bool = setting(default=False, help="whether answers are drawn by chance instead of searched")
    temperature: float = setting(1.0, "in sampling: below 1 prefers likely tokens, above 1 unlikely ones", more_than(0))
    top_k: int = setting(0, "in sampling: only so many of the best tokens; 0 allows all", at_least(0))
    top_p: float = setting(1.0, "in sampling: only the best tokens that reach this probability together", between(0, 1))
    seed: int = setting(0, "in sampling: another seed, another answer", between(0, 2**32 - 1))
    batch_size: int = setting(256, "sources decoded at once in PyTorch", between(1, MOST_ROWS))

    def __attrs_post_init__(self) -> None:
        """Checks that an answer can be as long as it must be."""
        if self.min_length > self.max_length:
            raise BadValueError("min_length", f"at most max_length, {self.max_length}", self.min_length)


def _distinct(_: Any, attribute: "attrs.Attribute[Any]", value: tuple[Component, ...]) -> None:
    names = [component.name for component in value]
    if len(set(names)) < len(names):
        raise BadValueError(attribute.name, "metrics that differ in their names", names)


def _ascending(_: Any, attribute: "attrs.Attribute[Any]", value: tuple[int, ...]) -> None:
    if list(value) != sorted(set(value)) or min(value, default=1) < 1:
        raise BadValueError(attribute.name, "a rising list of lengths from 1 on", list(value))


@attrs.frozen
class EvaluationConfig:
    """How answers are scored."""

    metrics: tuple[MetricComponent, ...] = setting(
        (), "metrics to report; none takes the task's", described("metrics that differ in their names", _distinct)
    )
    select: str = setting("", "metric that chooses the best checkpoint; none takes the first")
    length_buckets: tuple[int, ...] = setting(
        (),
        "source lengths in tokens at which a bucket of the test scores begins; none takes about equal parts",
        described("a rising list of lengths from 1 on", _ascending),
    )


@attrs.frozen
class ExportConfig:
    """How the model is exported."""

    parity_examples: int = setting(64, "held-out pairs on which file and model are compared", at_least(1))
    tolerance: float = setting(1e-3, "largest difference of a score between file and model", more_than(0))
    prefix: bool = setting(default=False, help="whether the file has the input prefix, with which answers begin")


@attrs.frozen
class RunConfig:
    """A whole run."""

    task: TaskComponent
    source: SourceConfig
    target: TargetConfig
    encoder: EncoderComponent
    decoder: DecoderComponent
    training: TrainingConfig = attrs.field(factory=TrainingConfig)
    decoding: DecodingConfig = attrs.field(factory=DecodingConfig)
    evaluation: EvaluationConfig = attrs.field(factory=EvaluationConfig)
    export: ExportConfig = attrs.field(factory=ExportConfig)

    def __attrs_post_init__(self) -> None:
        """Refuses settings of source and target that don't fit together."""
        source, target = self.source, self.target
        if target.share_vocabulary and source.tokenizer != target.tokenizer:
            raise ConfigError(
                "target.share_vocabulary: source.tokenizer and target.tokenizer must have the same name and settings "
                f"(got {_text(source.tokenizer)} and {_text(target.tokenizer)})"
            )
        if target.tie_embeddings and not target.share_vocabulary:
            raise ConfigError("target.tie_embeddings needs target.share_vocabulary = true, so that ids mean the same")
        if target.tie_embeddings and source.embedding_size != target.embedding_size:
            raise ConfigError(
                "target.tie_embeddings: source.embedding_size and target.embedding_size must be the same "
                f"(got {source.embedding_size} and {target.embedding_size})"
            )


def _text(component: Component) -> str:
    """Returns a component as TOML has it."""
    settings = ", ".join(f"{name} = {value!r}" for name, value in attrs.asdict(component.config).items())
    return f"{component.name!r} with {settings}" if settings else repr(component.name)
