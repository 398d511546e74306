"""Text to ids and back: normalisation, tokenizers and vocabularies, in Python and as ONNX nodes."""
