"""What a run consists of: the tables of its TOML."""

from typing import Annotated, Any

import attrs

from s2s_core.settings import BadValueError, at_least, between, more_than, one_of, setting


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


@attrs.frozen
class SourceConfig:
    """How source texts become vectors."""

    tokenizer: TokenizerComponent
    embedding_size: int = setting(64, "width E of a source token's vector", at_least(1))


@attrs.frozen
class TargetConfig:
    """How target texts become vectors and logits."""

    tokenizer: TokenizerComponent
    embedding_size: int = setting(64, "width E of a target token's vector", at_least(1))
    tie_projection: bool = setting(default=False, help="whether the projection's weight is the target embedding's")


@attrs.frozen
class TrainingConfig:
    """How the model is trained."""

    steps: int = setting(3000, "number of updates", at_least(1))
    batch_size: int = setting(128, "pairs in an update, over all processes", at_least(1))
    bucket_batches: int = setting(32, "batches whose pairs are sorted by length together; 1 sorts none", at_least(1))
    learning_rate: float = setting(5e-4, "highest learning rate of AdamW", more_than(0))
    warmup_steps: int = setting(100, "updates until that rate; after them it falls to 0 as a cosine", at_least(0))
    weight_decay: float = setting(0.01, "of AdamW", at_least(0))
    beta1: float = setting(0.9, "of AdamW", between(0, 0.9999))
    beta2: float = setting(0.98, "of AdamW", between(0, 0.9999))
    clip_norm: float = setting(5.0, "largest norm of the whole gradient; 0 clips nothing", at_least(0))
    validate_every: int = setting(500, "updates between two validations", at_least(1))
    patience: int = setting(0, "validations without a better score before training stops; 0 never stops", at_least(0))
    seed: int = setting(0, "the only source of chance", between(0, 2**32 - 1))
    device: str = setting("auto", "auto takes a GPU where there is one", one_of("auto", "cpu"))


@attrs.frozen
class DecodingConfig:
    """How answers are searched, and the defaults of the exported file."""

    beam_size: int = setting(1, "beams; 1 is greedy search; in sampling, samples", at_least(1))
    max_length: int = setting(100, "most tokens of an answer, its end included", at_least(1))
    max_length_ratio: float = setting(0.0, "how much each source token, its end included, adds to that", at_least(0))
    min_length: int = setting(0, "fewest tokens of an answer, its end included", at_least(0))
    min_length_ratio: float = setting(0.0, "how much each source token, its end included, adds to that", at_least(0))
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
    batch_size: int = setting(256, "sources decoded at once in PyTorch", at_least(1))

    def __attrs_post_init__(self) -> None:
        """Checks that an answer can be as long as it must be."""
        if self.min_length > self.max_length:
            raise BadValueError("min_length", f"at most max_length, {self.max_length}", self.min_length)


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
    export: ExportConfig = attrs.field(factory=ExportConfig)
