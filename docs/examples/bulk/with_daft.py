"""Answers a column of Parquet files with Daft: python with_daft.py MODEL INPUT COLUMN OUTPUT."""

import sys

import daft
import numpy as np
import onnxruntime


@daft.cls(max_concurrency=4)
class Model:
    def __init__(self, path: str):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # it warns of every input that has a default
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options)

    @daft.method.batch(return_dtype=str, batch_size=1024)
    def answer(self, texts: daft.Series) -> list:
        return self.session.run(["target"], {"source": np.array(texts.to_pylist(), dtype=object)})[0].tolist()


if __name__ == "__main__":
    path, source, column, output = sys.argv[1:]
    rows = daft.read_parquet(source)
    rows.with_column("answer", Model(path).answer(rows[column])).write_parquet(output)
