"""Answers texts with an exported file. Needs onnxruntime and numpy, nothing else.

python predict.py model.onnx hello world
"""

import sys

import numpy as np
import onnxruntime

onnxruntime.set_default_logger_severity(3)  # it warns of every input that has a default

path, *texts = sys.argv[1:]
session = onnxruntime.InferenceSession(path)
(answers,) = session.run(["target"], {"source": np.array(texts, dtype=object)})
for text, answer in zip(texts, answers, strict=True):
    print(f"{text} → {answer}")
