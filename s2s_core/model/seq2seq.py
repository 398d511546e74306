"""The whole model: embeddings, an encoder, a decoder and the projection onto the target's vocabulary."""

from typing import Any

import torch
from torch import Tensor, nn

from s2s_core.model import candidates
from s2s_core.model.candidates import Chain
from s2s_core.model.copying import Copies, Copying, CopyingState
from s2s_core.model.dropout import Dropout
from s2s_core.model.interfaces import Decoder, Encoder, Memory, Output, State, padding_mask
from s2s_core.text.vocabulary import BOS, PAD, UNK


class Seq2Seq(nn.Module):
    """A sequence-to-sequence model over ids. It owns whatever depends on the size of a vocabulary.

    Args:
        encoder: Made for source vectors of its ``input_size``.
        decoder: Made for target vectors of its ``input_size`` and the encoder's sizes.
        source_size: The number of source ids.
        target_size: The number of target ids, V.
        tie_projection: Whether the projection's weight is the target embedding's.
        tie_embeddings: Whether the source embedding's weight is the target embedding's.
        reverse_source: Whether the encoder reads sources from the last token to the first (arXiv 1409.3215,
            section 3.3).
        copy: Whether target tokens may be copied from the source, for which the decoder must have attention. The ids
            of targets then go beyond V, as in ``s2s_core.text.copies``, and there is a logit for each of them.
        dropouts: The rates of dropout on source and target vectors in training.
    """

    def __init__(
        self,
        encoder: Encoder,
        decoder: Decoder,
        source_size: int,
        target_size: int,
        *,
        tie_projection: bool = False,
        tie_embeddings: bool = False,
        reverse_source: bool = False,
        copy: bool = False,
        dropouts: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.reverse_source = reverse_source
        self.source_dropout, self.target_dropout = map(Dropout, dropouts)
        width = decoder.input_size if decoder.reads_inputs else 0
        target_kind = _TiedEmbedding if tie_projection else nn.Embedding
        source_kind = target_kind if tie_embeddings else nn.Embedding
        self.source_embedding = source_kind(source_size, encoder.input_size, padding_idx=PAD)
        self.target_embedding = target_kind(target_size, width, padding_idx=PAD) if width else None
        self.projection = nn.Linear(decoder.output_size, target_size)
        nn.init.xavier_uniform_(self.projection.weight)
        nn.init.zeros_(self.projection.bias)
        if tie_projection and self.target_embedding is not None:
            self.projection.weight = self.target_embedding.weight
            self.projection.weight.data.mul_(width**-0.5)  # or the first logits would grow with its root
        if tie_embeddings and self.target_embedding is not None:
            self.source_embedding.weight = self.target_embedding.weight
        self.copying = Copying(decoder.output_size) if copy else None
        decoder.attention_is_read = copy

    def forward(
        self,
        source: Tensor,
        source_lengths: Tensor,
        target: Tensor,
        target_lengths: Tensor,
        copies: Tensor | None = None,
    ) -> Tensor:
        """Computes the logits of every real target token, each seeing the true tokens before it.

        Args:
            source: Ids with EOS, padded, [B, S].
            source_lengths: [B], EOS included.
            target: Ids with EOS, padded, [B, T].
            target_lengths: [B], EOS included.
            copies: The extended ids of the source's tokens, if the model copies, [B, S].

        Returns:
            [N, V], or [N, V + S] if the model copies, for the N real tokens in the order of ``target[mask]``.
        """
        memory = self.encode(source, source_lengths)
        before = torch.cat([torch.full_like(target[:, :1], BOS), target[:, :-1]], 1)  # [B, T]
        output = self.decoder(self.embed_target(before), target_lengths, memory)  # [B, T, …]
        real = padding_mask(target_lengths, target.shape[1])  # [B, T]
        if output.transitions is not None:
            return self._chained_logits(output, memory, target, real)
        if copies is None:
            return self._logits(output._replace(attention=None).each(lambda tensor: tensor[real]))
        rows = real.nonzero()[:, 0]  # [N]
        return self._logits(output.each(lambda tensor: tensor[real]), Copies.of(copies).rows(rows))

    def encode(self, source: Tensor, lengths: Tensor) -> Memory:
        """Reads sources, [B, S] ids of the given lengths [B]. The memory's states are in the order of the ids."""
        vectors = self.source_dropout(self.source_embedding(source))  # [B, S, E]
        if not self.reverse_source:
            memory: Memory = self.encoder(vectors, lengths)
            return memory
        order = _reversed(lengths, source.shape[1])
        memory = self.encoder(_ordered(vectors, order), lengths)
        return memory._replace(states=_ordered(memory.states, order))

    def start(self, source: Tensor, lengths: Tensor, copies: Tensor | None = None) -> State:
        """Reads sources and returns the first state.

        Args:
            source: Ids with EOS, padded, [B, S].
            lengths: [B], EOS included.
            copies: The extended ids of the source's tokens, if the model copies, [B, S].
        """
        memory = self.encode(source, lengths)
        state, weights = self.decoder.start(memory), self.decoder.initial_weights(memory)
        if copies is not None:
            return CopyingState(state, Copies.of(copies))
        return state if weights is None else candidates.started(weights, state, self.target_size)

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Takes one step of decoding, from the previous tokens [B] to logits [B, V], or [B, V + S] if it copies."""
        logits, _, state = self.attentive_step(tokens, state)
        return logits, state

    def attentive_step(self, tokens: Tensor, state: State) -> tuple[Tensor, Tensor | None, State]:
        """Takes one step; returns the logits of ``step``, the weight of each source position [B, S] and the state.

        The weights are ``None`` if the decoder has no attention.
        """
        if isinstance(state, Chain):
            return self._chained_step(tokens, state)
        if isinstance(state, CopyingState):
            return self._copying_step(tokens, state)
        output, state = self.decoder.step(self.embed_target(tokens), state)
        return self._logits(output), _attention(output, output.weights), state

    def _logits(self, output: Output, copies: Copies | None = None) -> Tensor:
        """Returns the logits of some steps, […, V]; of candidates, the logarithms of their mean probabilities.

        If the model copies, there is one row for each of R steps, and the result is [R, V + S]. The candidates' vectors
        and attention are then averaged like their probabilities.
        """
        logits: Tensor = self.projection(output.vectors)
        if output.weights is not None:
            logits = candidates.token_scores(candidates.joint(output.weights, logits))
        if self.copying is not None:
            vectors, attention = _mean(output.vectors, output.weights), _attention(output, output.weights)
            logits = self.copying(logits, vectors, attention, copies)
        return logits

    def _copying_step(self, tokens: Tensor, state: CopyingState) -> tuple[Tensor, Tensor | None, State]:
        """Takes one step of a model that copies; see ``attentive_step``."""
        output, after = self.decoder.step(self.embed_target(tokens), state.decoder)
        logits = self._logits(output, state.copies)
        return logits, _attention(output, output.weights), CopyingState(after, state.copies)

    def _chained_step(self, tokens: Tensor, state: Chain) -> tuple[Tensor, Tensor | None, State]:
        """Takes one step of which the candidates' weights follow from the tokens so far; see ``attentive_step``."""
        output, after = self.decoder.step(self.embed_target(tokens), state.decoder)
        assert output.transitions is not None  # noqa: S101  # whoever has initial weights gives them
        before = candidates.weights_given(tokens, state.joint)  # [B, C]
        weights = candidates.weights_after(before, output.transitions)  # [B, C]
        joint = candidates.joint(weights, self.projection(output.vectors))  # [B, C, V]
        return candidates.token_scores(joint), _attention(output, weights), Chain(after, joint)

    def _chained_logits(self, output: Output, memory: Memory, target: Tensor, real: Tensor) -> Tensor:
        """Returns the logits [N, V] of whole targets whose candidates' weights follow from the tokens so far.

        Args:
            output: Of whole targets, with transitions.
            memory: What the decoder read.
            target: Ids, [B, T].
            real: False at padding, [B, T].
        """
        first, transitions = self.decoder.initial_weights(memory), output.transitions  # [B, C], [B, T, C, C]
        assert first is not None and transitions is not None  # noqa: S101, PT018  # whoever gives one has the other
        logits = self.projection(output.vectors[real])  # [N, C, V]
        return candidates.token_scores(candidates.joint_of_chain(first, transitions, logits, target, real))

    def embed_target(self, tokens: Tensor) -> Tensor:
        """Returns the vectors of target ids of any shape; their width is 0 if the decoder doesn't read them.

        A token that the vocabulary lacks is read as the unknown one, also if it was copied.
        """
        if self.target_embedding is None:
            return self.projection.weight.new_empty(*tokens.shape, 0)
        if self.copying is not None:
            tokens = torch.where(tokens < self.target_size, tokens, UNK)
        vectors: Tensor = self.target_dropout(self.target_embedding(tokens))
        return vectors

    def parameter_count(self) -> int:
        """Returns the number of trained weights."""
        return sum(parameter.numel() for parameter in self.parameters())

    @property
    def source_size(self) -> int:
        """The number of source ids."""
        return self.source_embedding.num_embeddings

    @property
    def target_size(self) -> int:
        """The number of target ids, V."""
        return self.projection.out_features

    @property
    def copies(self) -> bool:
        """Whether target tokens may be copied from the source."""
        return self.copying is not None

    @property
    def device(self) -> Any:
        """The device of the parameters."""
        return self.projection.weight.device


class _TiedEmbedding(nn.Embedding):
    """An embedding whose weight is a projection's, and so as small.

    Vectors are multiplied by the root of their width (Vaswani et al. 2017, arXiv 1706.03762, section 3.4), to be as
    large as others. So they also learn faster than the weight: without it, a transformer of 10,000 subwords hardly
    learnt at all.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # the name that PyTorch has
        """Returns the vectors of ids of any shape."""
        vectors: Tensor = super().forward(input) * self.embedding_dim**0.5
        return vectors


def _attention(output: Output, weights: Tensor | None) -> Tensor | None:
    """Returns the weight of each source position in a step, [B, S], given the candidates' weights [B, C]."""
    return None if output.attention is None else _mean(output.attention, weights)


def _mean(values: Tensor, weights: Tensor | None) -> Tensor:
    """Returns what steps have, […, X], of what their candidates have, […, C, X], if they have weights, […, C]."""
    return values if weights is None else candidates.mean(values, weights)


def _reversed(lengths: Tensor, size: int) -> Tensor:
    """Returns the order that reverses each row's tokens, [B, size]; EOS and padding stay in place."""
    positions = torch.arange(size, device=lengths.device)
    end = lengths[:, None] - 1  # where EOS stands
    return torch.where(positions < end, end - 1 - positions, positions)


def _ordered(vectors: Tensor, order: Tensor) -> Tensor:
    """Returns the vectors [B, S, E] of the positions in ``order`` [B, S]."""
    return vectors.gather(1, order[:, :, None].expand(-1, -1, vectors.shape[2]))
