"""The configuration of a run: the tables of its TOML."""

from typing import Annotated, Any

import attrs

from s2s_core.config.decoding import DecodingConfig, features_of, graph_inputs
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
from s2s_core.config.training import TrainingConfig
from s2s_core.errors import ConfigError, closest, listing

WIDEST = 16_384
"""The most numbers in a token's vector."""


QUANTIZATIONS = ("int8", "int4", "fp16-weights")
"""The kinds of files with smaller weights."""


@attrs.frozen
class Component:
    """A component that a run uses.

    In TOML it is a table with its name and settings, or just its name: ``encoder = "mlp-rnn"``.

    Attributes:
        name: The name under which its plugin registered it.
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
    dropout: float = setting(0.0, "dropout on these vectors in training", between(0, 0.99))
    reverse: bool = setting(default=False, help="whether the encoder reads the tokens from the last to the first")


@attrs.frozen
class TargetConfig:
    """How target texts become vectors and logits."""

    tokenizer: TokenizerComponent
    embedding_size: int = setting(64, "width E of a target token's vector", between(1, WIDEST))
    dropout: float = setting(0.0, "dropout on these vectors in training", between(0, 0.99))
    tie_projection: bool = setting(default=False, help="whether the projection's weight is the target embedding's")
    share_vocabulary: bool = setting(default=False, help="whether one tokenizer, trained on both sides, serves both")
    tie_embeddings: bool = setting(
        default=False, help="whether the source embedding's weight is the target embedding's"
    )
    copy: bool = setting(
        default=False, help="whether tokens may be copied from the source, also those that the vocabulary lacks"
    )


def _distinct(_: Any, attribute: "attrs.Attribute[Any]", value: tuple[Component, ...]) -> None:
    names = [component.name for component in value]
    if len(set(names)) < len(names):
        raise BadValueError(attribute.name, "metrics that differ in their names", names)


def _ascending(_: Any, attribute: "attrs.Attribute[Any]", value: tuple[int, ...]) -> None:
    if list(value) != sorted(set(value)) or min(value, default=1) < 1:
        raise BadValueError(attribute.name, "a rising list of lengths, each at least 1", list(value))


@attrs.frozen
class EvaluationConfig:
    """How answers are scored."""

    metrics: tuple[MetricComponent, ...] = setting(
        (),
        "metrics to report; an empty list takes the task's",
        described("metrics that differ in their names", _distinct),
    )
    select: str = setting("", "metric that chooses the best checkpoint; empty takes the first")
    length_buckets: tuple[int, ...] = setting(
        (),
        "source lengths in tokens at which buckets of the test scores begin; empty makes buckets of about equal size",
        described("a rising list of lengths, each at least 1", _ascending),
    )


@attrs.frozen
class ExportConfig:
    """How the model is exported."""

    parity_examples: int = setting(64, "held-out pairs on which the file is compared with the model", at_least(1))
    tolerance: float = setting(1e-3, "maximum difference between a score of the file and the model's", more_than(0))
    prefix: bool = setting(default=False, help="whether the file has an input prefix, with which answers begin")
    lexicon: str = setting("", "file of sources and their exact answers, which come before the model's")
    unit: str = setting(
        "text", "what the model is asked for: whole texts, or each word of a text by itself", one_of("text", "word")
    )
    punctuation: str = setting(
        "keep",
        "with words, what becomes of what is neither word nor white space: it stays, is left out, or stands by itself",
        one_of("keep", "drop", "separate"),
    )
    separator: str = setting(
        "", "with words, what stands between them in place of white space; empty keeps white space with punctuation"
    )
    confidence: bool = setting(default=False, help="whether the file tells how probable it is that an answer is right")
    origin: bool = setting(
        default=False, help="whether the file tells where an answer is from, the model or the lexicon"
    )
    scorer: bool = setting(default=False, help="whether the file has an input answer, whose log-probability it tells")
    quantize: str = setting(
        "", "how the weights are stored in fewer bits; empty stores them as they are", one_of("", *QUANTIZATIONS)
    )
    maximum_loss: float = setting(
        0.5, "with quantize, how many points of the first metric may be lost on the validation set", at_least(0)
    )
    required_inputs: tuple[str, ...] = setting(
        (), "inputs that have no default, as some bindings can't set one that has", all_different()
    )

    language: str = setting("", "language of the model, such as en, for the head of its card; empty leaves it out")
    license: str = setting("", "license of the model, such as apache-2.0, for the same; empty leaves it out")

    def __attrs_post_init__(self) -> None:
        """Refuses what isn't defined for each word of a text, or only for that."""
        for name in ("prefix", "scorer"):
            if self.unit == "word" and getattr(self, name):
                raise BadValueError(name, 'false with unit = "word"', value=True)
        if self.unit == "text" and (self.punctuation != "keep" or self.separator):
            raise BadValueError("unit", '"word" for punctuation and separator', self.unit)


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
        """Refuses settings of source and target that contradict each other."""
        source, target = self.source, self.target
        if target.share_vocabulary and source.tokenizer != target.tokenizer:
            raise ConfigError(
                "target.share_vocabulary: source.tokenizer and target.tokenizer must have the same name and settings "
                f"(got {_text(source.tokenizer)} and {_text(target.tokenizer)})"
            )
        if target.tie_embeddings and not target.share_vocabulary:
            raise ConfigError("target.tie_embeddings needs target.share_vocabulary = true, so that ids mean the same")
        self._require_inputs()
        if target.tie_embeddings and source.embedding_size != target.embedding_size:
            raise ConfigError(
                "target.tie_embeddings: source.embedding_size and target.embedding_size must be the same "
                f"(got {source.embedding_size} and {target.embedding_size})"
            )

    def _require_inputs(self) -> None:
        """Refuses to require an input that the exported file hasn't."""
        features = features_of(self.decoding, prefix=False)
        names = [name for name, _, _ in graph_inputs(self.decoding, features)]
        texts = {"prefix": self.export.prefix, "answer": self.export.scorer}
        names += [name for name, is_there in texts.items() if is_there]
        for name in self.export.required_inputs:
            if name not in names:
                has = f"the file has no input {name!r}{closest(name, names)}; it has: {listing(names)}"
                raise ConfigError(f"export.required_inputs: {has}")


def _text(component: Component) -> str:
    """Returns a component with its settings, as a message shows it."""
    settings = ", ".join(f"{name} = {value!r}" for name, value in attrs.asdict(component.config).items())
    return f"{component.name!r} with {settings}" if settings else repr(component.name)
