"""Beam search and sampling. Greedy search is beam search with one beam.

The search consists of three modules. They run one after the other here, and ``s2s_core.exporting`` stitches them into
one ONNX graph::

    source, lengths, settings ─► Start ─► tokens, finished, scores, state, extras
                                            │
                                          Step    a loop, until every beam is finished
                                            │
    length_penalty ─────────────────────► Finish ─► hypotheses and scores, best first

A finished beam keeps its score and goes on with PAD. A beam whose score is minus infinity is dead: it stands for a
hypothesis that doesn't exist, because the vocabulary offers fewer than K. For every token that it picks, a step records
the beam that the token continues, its parent. ``Finish`` follows these records back from the last step, so no step
moves earlier tokens.

Whatever steers the search, scores consist of the model's own log-probabilities. A token that may not be picked isn't,
and the probabilities of the others stay as they are.
"""

from s2s_core.decoding.beam_search import BeamSearch
from s2s_core.decoding.finish import Finish
from s2s_core.decoding.start import Beams, Start
from s2s_core.decoding.step import Step
from s2s_core.model.probabilities import NEVER, log_probabilities

__all__ = ["NEVER", "BeamSearch", "Beams", "Finish", "Start", "Step", "log_probabilities"]
