"""Export: a trained model as one ONNX file, text in and text out."""
