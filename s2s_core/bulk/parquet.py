"""Parquet files: one column is the source, and the answers become another. Reading them needs PyArrow."""

import contextlib
from collections.abc import Iterator
from itertools import islice
from typing import Any, BinaryIO

from s2s_core.bulk.rows import Answer, Rows
from s2s_core.errors import DataError, closest, listing

ROWS = 1 << 14
"""How many rows are in memory at a time, and in each row group that is written."""


class ParquetRows(Rows):
    """The rows of a Parquet file.

    Args:
        path: The file.
        column: The name of the column of sources.
        answer: The name of the column of answers, which is put behind the others.

    Raises:
        DataError: The file can't be read, has no such column of texts, or has a column of the answers' name already.
        ModuleNotFoundError: PyArrow isn't installed.
    """

    def __init__(self, path: str, column: str, answer: str) -> None:
        self._path, self._column, self._answer = path, column, answer
        self._require_columns(self._schema())

    def texts(self) -> Iterator[str]:
        """Yields the source of each row."""
        number = 0
        for batch in self._batches([self._column]):
            with self._readable():
                sources = batch.column(self._column).to_pylist()
            for source in sources:
                number += 1
                if source is None:
                    raise DataError(
                        f"{self._path}, row {number:,} has null in {self._column!r}: fill it or leave the row out"
                    )
                yield source

    def write(self, file: BinaryIO, answers: Iterator[Answer]) -> None:
        """Writes the rows with one column more, which is null where there is no answer."""
        import pyarrow as pa  # noqa: PLC0415  # of the extra parquet
        from pyarrow import parquet  # noqa: PLC0415

        field = pa.field(self._answer, pa.string())
        with parquet.ParquetWriter(file, self._schema().append(field)) as writer:
            for batch in self._batches():
                column = pa.array([*islice(answers, batch.num_rows)], pa.string())
                writer.write_batch(batch.append_column(field, column))

    def _batches(self, columns: list[str] | None = None) -> Iterator[Any]:
        """Yields the rows in batches, with some columns or all."""
        from pyarrow import parquet  # noqa: PLC0415

        with self._readable(), parquet.ParquetFile(self._path, pre_buffer=False) as file:
            yield from file.iter_batches(ROWS, columns=columns, use_threads=False)

    def _schema(self) -> Any:
        from pyarrow import parquet  # noqa: PLC0415

        with self._readable():
            return parquet.read_schema(self._path)

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        """Says in one line what can't be read.

        Raises:
            DataError: Something can't.
        """
        import pyarrow as pa  # noqa: PLC0415

        try:
            yield
        except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
            raise DataError(f"can't read {self._path}: {' '.join(str(error).split())}") from error

    def _require_columns(self, schema: Any) -> None:
        """Checks that there is one column of sources, and none of answers."""
        found = schema.get_all_field_indices(self._column)
        if not found:
            near = closest(self._column, schema.names)
            raise DataError(f"{self._path} has no column {self._column!r}{near}; it has: {listing(schema.names)}")
        if len(found) > 1:
            raise DataError(f"{self._path} has {len(found)} columns {self._column!r}")
        if self._answer in schema.names:
            raise DataError(f"{self._path} has a column {self._answer!r} already: name another with --answer-column")
        kind = schema.field(found[0]).type
        if not _is_text(kind):
            raise DataError(f"column {self._column!r} of {self._path} is no text, but {kind}")


def _is_text(kind: Any) -> bool:
    """Returns whether the values of a type are texts."""
    from pyarrow import types  # noqa: PLC0415

    if types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))
