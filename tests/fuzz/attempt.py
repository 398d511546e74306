"""An attempt: what one try of the fuzzer runs in its folder."""

from collections.abc import Callable

import attrs


@attrs.frozen
class Attempt:
    """A command and what it reads.

    Attributes:
        arguments: The words after ``s2s``.
        stdin: What standard input holds.
        answers: How many lines standard output, or ``output``, has if the command succeeds; None where nobody knows.
        output: The file that holds the answers instead of standard output.
        trains: Whether it may train for ever. It is interrupted then, and has to stop as by Ctrl-C.
        exports: Whether it may export a model, which takes a while.
        visit: Called with the port of a server once that listens, and then the server is told to stop; returns what is
            wrong with it in a few words.
    """

    arguments: list[str]
    stdin: bytes = b""
    answers: int | None = None
    output: str = ""
    trains: bool = False
    exports: bool = False
    visit: Callable[[int], str | None] | None = None
