"""The figures of ``s2s plot``, a module each: first its numbers, then how they are drawn."""
