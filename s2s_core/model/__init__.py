"""The model in PyTorch: interfaces of encoders and decoders, recurrence, the whole model and its checkpoint."""
