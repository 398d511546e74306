"""Beam search and sampling. Greedy search is beam search with one beam.

The search is three modules, run one after the other here and stitched into one ONNX graph by ``s2s_core.exporting``::

    source, lengths, settings ─► Start ─► tokens, finished, scores, state, extras
                                            │
                                          Step    a loop, until every beam is finished
                                            │
    length_penalty ─────────────────────► Finish ─► hypotheses and scores, best first

A finished beam keeps its score and goes on with PAD. A beam whose score is minus infinity is dead: it stands for a
hypothesis that doesn't exist, because the vocabulary offers fewer than K. A step keeps, for every token that it picks,
the beam that it came from; ``Finish`` follows these back from the last step, so no step moves the tokens before.

Whatever steers the search, a score is made of the model's own log-probabilities: what may not be picked isn't, and the
rest keep theirs.
"""

from s2s_core.decoding.beam_search import BeamSearch
from s2s_core.decoding.finish import Finish
from s2s_core.decoding.start import NEVER, Beams, Start, log_probabilities
from s2s_core.decoding.step import Step

__all__ = ["NEVER", "BeamSearch", "Beams", "Finish", "Start", "Step", "log_probabilities"]
