"""Answers a column of Parquet files with Spark: python with_spark.py MODEL INPUT COLUMN OUTPUT."""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
from pyspark.ml.functions import predict_batch_udf
from pyspark.sql import SparkSession
from pyspark.sql.types import StringType


def load(content):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # it warns of every input that has a default
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options)
    return lambda texts: session.run(["target"], {"source": np.array(texts.tolist(), dtype=object)})[0]


if __name__ == "__main__":
    path, source, column, output = sys.argv[1:]
    spark = SparkSession.builder.getOrCreate()
    content = Path(path).read_bytes()  # travels to the executors, which need no such file
    answer = predict_batch_udf(lambda: load(content), return_type=StringType(), batch_size=1024)
    rows = spark.read.parquet(source)
    rows.withColumn("answer", answer(column)).write.parquet(output)
