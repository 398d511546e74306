"""Answers a column of Parquet files with Beam: python with_beam.py MODEL INPUT COLUMN OUTPUT."""

import sys

import apache_beam as beam
import numpy as np
from apache_beam.ml.inference.onnx_inference import OnnxModelHandlerNumpy

if __name__ == "__main__":
    path, source, column, output = sys.argv[1:]
    model = OnnxModelHandlerNumpy(path, providers=["CPUExecutionProvider"], max_batch_size=64)
    with beam.Pipeline() as pipeline:
        rows = pipeline | beam.io.ReadFromParquet(source)
        keyed = rows | beam.Map(lambda row: (row, np.array(row[column], dtype=object)))
