"""The figures of ``s2s plot``, one module each, which first computes the numbers and then draws them."""
