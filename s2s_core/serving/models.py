"""The models of a server, by name."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from s2s_core.errors import S2SError, closest, listing
from s2s_core.runtime.file import ExportedModel
from s2s_core.runtime.memory import affordable_memory
from s2s_core.runtime.trial import require_tried
from s2s_core.serving.batcher import Answer, Batcher
from s2s_core.serving.limits import Limits
from s2s_core.serving.metrics import Metrics
from s2s_core.serving.query import Query
from s2s_core.serving.request_error import RequestError

Say = Callable[[str], None]
"""Tells the operator something, in one line."""


def open_file(path: Path, threads: int) -> ExportedModel:
    """Opens an exported file that was tried, now or earlier.

    Raises:
        ModelError: It can't be used.
    """
    require_tried(path)
    return ExportedModel(path, threads=threads, memory=affordable_memory() or 0)


class ServedModel:
    """A model that answers queries in batches. It is made in an event loop.

    Args:
        name: Its name.
        file: The exported file.
        limits: Of the server.
        metrics: Of the server.

    Attributes:
        name: Its name.
        inputs: The settings of a search that it takes.
        outputs: What it tells, besides the answers and their scores.
    """

    def __init__(self, name: str, file: ExportedModel, limits: Limits, metrics: Metrics) -> None:
        self.name, self.inputs, self.outputs = name, file.inputs, file.told
        self._metrics = metrics
        self._batcher = Batcher(file, limits, self._measured)

    @property
    def pending(self) -> int:
        """How many texts have no answer yet."""
        return self._batcher.pending

    async def answers(self, query: Query) -> list[Answer]:
        """Returns the answer to each text of a query."""
        answers = await self._batcher.answers(query)
        self._metrics.texts.add(self.name, amount=len(answers))
        return answers

    async def close(self) -> None:
        """Waits until every text is answered."""
        await self._batcher.close()

    def _measured(self, texts: int, seconds: float) -> None:
        self._metrics.batches.add(texts, self.name)
        self._metrics.computing.add(seconds, self.name)


class Models:
    """All models of a server. They are made in an event loop.

    Args:
        paths: The file of each, by name.
        threads: How many threads an operator of a model may use; 0 leaves it to the file's size.
        limits: Of the server.
        metrics: Of the server.
        files: The files, opened.
        say: Tells the operator what becomes of a reload.
    """

    def __init__(
        self,
        paths: Mapping[str, Path],
        threads: int,
        limits: Limits,
        metrics: Metrics,
        *,
        files: Mapping[str, ExportedModel],
        say: Say,
    ) -> None:
        self._paths, self._threads, self._limits, self._metrics, self._say = paths, threads, limits, metrics, say
        self._served = {name: ServedModel(name, file, limits, metrics) for name, file in files.items()}
        self._reloading = asyncio.Lock()

    def __iter__(self) -> Iterator[ServedModel]:
        """Yields each model."""
        return iter(self._served.values())

    def __getitem__(self, name: str) -> ServedModel:
        """Returns a model.

        Raises:
            RequestError: There is none of the name.
        """
        model = self._served.get(name)
        if model is None:
            raise RequestError(f"there is no model {name!r}{closest(name, self._served)}; there are: {self.names}", 404)
        return model

    @property
    def names(self) -> str:
        """The names, as messages list them."""
        return listing(self._served)

    def only(self) -> ServedModel:
        """Returns the one model of a server that has no other.

        Raises:
            RequestError: There are several.
        """
        if len(self._served) > 1:
            raise RequestError(f"name the model; there are: {self.names}")
        return next(iter(self._served.values()))

    async def reload(self) -> None:
        """Opens each file again. A model whose file can't be used stays as it is; queries lose nothing."""
        async with self._reloading:
            for name, path in self._paths.items():
                try:
                    file = await asyncio.to_thread(open_file, path, self._threads)
                except (S2SError, MemoryError, OSError) as error:
                    self._metrics.reloads.add(name, "failed")
                    self._say(f"warning: {name} stays as it was: {error}")
                    continue
                before = self._served[name]
                self._served[name] = ServedModel(name, file, self._limits, self._metrics)
                self._metrics.reloads.add(name, "done")
                self._say(f"reloaded {name}")
                await before.close()

    async def close(self) -> None:
        """Waits until every text is answered."""
        await asyncio.gather(*(model.close() for model in self))
