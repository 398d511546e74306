"""Text to ids and back: normalization, tokenizers and vocabularies, in Python and as ONNX nodes."""
