"""What a run remembers of its data: enough to notice that they changed, and to prove its file without them."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from s2s_core.errors import is_utf8
from s2s_core.runs.run import Run


def _utf8(_: object, __: object, text: str) -> None:
    if not is_utf8(text):
        raise ValueError("data has a source that UTF-8 can't hold")


@attrs.frozen
class DataRecord:
    """What a run remembers of its data.

    Attributes:
        fingerprint: Identifies the training examples; ``None`` if the task can't.
        sources: The first of the validation set, as many as an export compares.
    """

    fingerprint: str | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.instance_of(str))
    )
    sources: Sequence[str] = attrs.field(
        factory=list,
        validator=attrs.validators.deep_iterable(
            attrs.validators.and_(attrs.validators.instance_of(str), _utf8), attrs.validators.instance_of(list)
        ),
    )

    @classmethod
    def of(cls, run: Run) -> "DataRecord":
        """Makes the record of a run that begins."""
        held_out = run.splits.validation[: run.config.export.parity_examples]
        return cls(run.splits.fingerprint(), [example.source for example in held_out])

    @classmethod
    def load(cls, description: Mapping[str, Any]) -> "DataRecord":
        """Returns the record in a description of a model; an empty one if it is from a version that kept none.

        Raises:
            ValueError: It is damaged.
        """
        try:
            return cls(**description.get("data", {}))
        except TypeError as error:
            raise ValueError("data must be a fingerprint and a list of sources") from error
