"""An attempt: what one try of the fuzzer runs in its folder."""

import attrs


@attrs.frozen
class Attempt:
    """A command and what it reads.

    Attributes:
        arguments: The words after ``s2s``.
        stdin: What standard input holds.
        answers: How many lines standard output has if the command succeeds; None where nobody knows.
        trains: Whether it may train for ever. It is interrupted then, and has to stop as by Ctrl-C.
        exports: Whether it may export a model, which takes a while.
    """

    arguments: list[str]
    stdin: bytes = b""
    answers: int | None = None
    trains: bool = False
    exports: bool = False
