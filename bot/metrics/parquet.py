"""Writes rows as Parquet."""

from typing import IO

import pyarrow
import pyarrow.parquet

from bot.metrics.datasets import Dataset, Type, as_text
from bot.metrics.formats import Rows

__all__ = ["Parquet"]


class Parquet:
    """Parquet with one row group per 50,000 rows, compressed with Zstandard."""

    GROUP = 50_000

    def __init__(self, dataset: Dataset, file: IO[bytes]) -> None:
        types = {
            Type.INTEGER: pyarrow.int64(),
            Type.NUMBER: pyarrow.float64(),
            Type.TEXT: pyarrow.string(),
            Type.JSON: pyarrow.string(),
            Type.BOOLEAN: pyarrow.bool_(),
            Type.INSTANT: pyarrow.timestamp("us", tz="UTC"),
        }
        self._schema = pyarrow.schema(
            [pyarrow.field(c.name, types[c.type], metadata={"meaning": c.meaning}) for c in dataset.columns]
        )
        self._documents = [i for i, c in enumerate(dataset.columns) if c.type is Type.JSON]
        self._file = file
        self._batches: list[pyarrow.RecordBatch] = []
        self._waiting = 0
        self._parquet: pyarrow.parquet.ParquetWriter | None = None

    def begin(self) -> None:
        """Write what comes before the rows."""
        self._parquet = pyarrow.parquet.ParquetWriter(self._file, self._schema, compression="zstd")

    def write(self, rows: Rows) -> None:
        """Write some rows."""
        if not rows:
            return
        columns = [list(values) for values in zip(*rows, strict=True)]
        for i in self._documents:
            columns[i] = [None if value is None else as_text(value) for value in columns[i]]
        arrays = [pyarrow.array(v, type=f.type) for v, f in zip(columns, self._schema, strict=True)]
        self._batches.append(pyarrow.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._waiting += len(rows)
        if self._waiting >= self.GROUP:
            self._put()

    def end(self) -> None:
        """Write what comes after the rows. The file stays open."""
        self._put()
        assert self._parquet is not None
        self._parquet.close()
        self._file.flush()

    def _put(self) -> None:
        if self._batches:
            assert self._parquet is not None
            self._parquet.write_table(pyarrow.Table.from_batches(self._batches), row_group_size=self.GROUP)
        self._batches, self._waiting = [], 0
