"""The limits of a server: how much it takes on, and how long that may take."""

import attrs


@attrs.frozen
class Limits:
    """How much a server takes on.

    Attributes:
        batch_size: The most texts that a model answers at once.
        wait: The most seconds that a text waits for others of its batch while the model is idle.
        queue: The most texts that a model has to answer at a time, those that it is answering included.
        texts: The most texts of a request.
        characters: The most characters of a text.
        body: The most bytes of a request's body.
        timeout: The most seconds until a request is answered.
    """

    batch_size: int = 64
    wait: float = 0.0
    queue: int = 1024
    texts: int = 256
    characters: int = 10_000
    body: int = 4_000_000
    timeout: float = 30.0
