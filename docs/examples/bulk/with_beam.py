"""Answers a column of Parquet files with Beam: python with_beam.py MODEL INPUT COLUMN OUTPUT."""

import sys

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.ml.inference.base import KeyedModelHandler, RunInference
from apache_beam.ml.inference.onnx_inference import OnnxModelHandlerNumpy
from pyarrow import parquet


def text_of(row, column):
    return row, np.array(row[column], dtype=object)


def answered(pair):
    row, result = pair
    return {**row, "answer": str(result.inference)}


if __name__ == "__main__":
    path, source, column, output = sys.argv[1:]
    schema = parquet.read_schema(source).append(pa.field("answer", pa.string()))
    model = OnnxModelHandlerNumpy(path, providers=["CPUExecutionProvider"], max_batch_size=1024)
    with beam.Pipeline() as pipeline:
        (
            pipeline
            | beam.io.ReadFromParquet(source)
            | beam.Map(text_of, column)
            | RunInference(KeyedModelHandler(model))
            | beam.Map(answered)
            | beam.io.WriteToParquet(output, schema, file_name_suffix=".parquet")
        )
