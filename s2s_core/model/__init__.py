"""The model in PyTorch: the interfaces of encoders and decoders, recurrence, and what is made of them."""
