"""Answers a column of Parquet files with Ray Data: python with_ray.py MODEL INPUT COLUMN OUTPUT."""

import sys

import numpy as np
import onnxruntime
import ray


class Model:
    def __init__(self, path, column):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # it warns of every input that has a default
        options.intra_op_num_threads = 1
        self.session, self.column = onnxruntime.InferenceSession(path, options), column

    def __call__(self, batch):
        texts = np.array(batch[self.column].tolist(), dtype=object)
        return {**batch, "answer": self.session.run(["target"], {"source": texts})[0]}


if __name__ == "__main__":
    path, source, column, output = sys.argv[1:]
    rows = ray.data.read_parquet(source)
    actors = ray.data.ActorPoolStrategy(min_size=1, max_size=8)  # reading and writing need cores too
    answered = rows.map_batches(Model, fn_constructor_args=(path, column), batch_size=1024, compute=actors)
    answered.write_parquet(output)
