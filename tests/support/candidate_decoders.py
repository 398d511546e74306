"""Decoders with several candidates in a step, as third parties may write them."""

import torch
from torch import nn

from s2s_core import Decoder, Output, bridge

WIDTH, CANDIDATES = 8, 3


class Mixes(Decoder):
    """A mixture of softmaxes (Yang et al. 2018, arXiv 1711.03953), each of which attends to the source by itself."""

    def __init__(self, config, input_size, memory):
        super().__init__(config, input_size, memory)
        self.output_size = WIDTH
        self.bridge, self.values = bridge(memory.summary, WIDTH), bridge(memory.states, WIDTH)
        self.cell = nn.GRUCell(input_size, WIDTH)
        self.queries, self.weights = nn.Linear(WIDTH, CANDIDATES * WIDTH), nn.Linear(WIDTH, CANDIDATES)

    def start(self, memory):
        values = self.values(memory.states.masked_fill(~memory.mask[:, :, None], 0.0))
        return self.bridge(memory.summary), values, memory.mask

    def step(self, inputs, state):
        hidden, values, mask = state
        hidden = self.cell(inputs, hidden)
        scores = self.queries(hidden).view(-1, CANDIDATES, WIDTH) @ values.transpose(1, 2)  # [B, C, S]
        attention = scores.masked_fill(~mask[:, None], -1e9).softmax(2)
        vectors = torch.tanh(hidden[:, None] + attention @ values)  # [B, C, D]
        return self.answer(Output(vectors, attention), hidden), (hidden, values, mask)

    def answer(self, output, hidden):
        return output._replace(weights=self.weights(hidden).log_softmax(1))


class Chains(Mixes):
    """A hidden Markov model.

    Its first candidate only stands for the start: nothing leads to it, so its transitions are the first step's weights.
    """

    def __init__(self, config, input_size, memory):
        super().__init__(config, input_size, memory)
        self.weights = nn.Linear(WIDTH, CANDIDATES * CANDIDATES)

    def initial_weights(self, memory):
        certain = torch.zeros_like(memory.summary[:, :1]).expand(-1, CANDIDATES)
        return certain.masked_fill(torch.arange(CANDIDATES) > 0, float("-inf"))

    def answer(self, output, hidden):
        scores = self.weights(hidden).view(-1, CANDIDATES, CANDIDATES)
        moves = scores.masked_fill(torch.arange(CANDIDATES) == 0, float("-inf")).log_softmax(2)
        return output._replace(transitions=moves)
