"""The core's own tokenizers and metrics keep every promise of their kind."""

from s2s_core.plugins.registry import Plugins
from s2s_core.testing import conformance

DECOMPOSED = {"normalization": "nfd"}
TAGGED = {"tags": True}
NORMALISED = {"normalization": "nfkc", "fold_case": True}

test_bpe = conformance("tokenizer", "bpe")
test_bytes = conformance("tokenizer", "bytes")
test_characters = conformance("tokenizer", "characters")
test_unigram = conformance("tokenizer", "unigram")
test_words = conformance("tokenizer", "words")
test_decomposed_bytes = conformance("tokenizer", "bytes", DECOMPOSED)
test_decomposed_characters = conformance("tokenizer", "characters", DECOMPOSED)
test_decomposed_unigram = conformance("tokenizer", "unigram", DECOMPOSED)
test_decomposed_words = conformance("tokenizer", "words", DECOMPOSED)
test_tagged_bpe = conformance("tokenizer", "bpe", TAGGED)
test_tagged_bytes = conformance("tokenizer", "bytes", TAGGED)
test_tagged_characters = conformance("tokenizer", "characters", TAGGED)
test_tagged_unigram = conformance("tokenizer", "unigram", TAGGED)
test_tagged_words = conformance("tokenizer", "words", TAGGED)
test_tagged_and_normalised_bpe = conformance("tokenizer", "bpe", TAGGED | NORMALISED)
test_tagged_and_decomposed_bytes = conformance("tokenizer", "bytes", TAGGED | DECOMPOSED)
test_normalised_bpe = conformance("tokenizer", "bpe", NORMALISED)
test_rare_characters = conformance("tokenizer", "characters", {"minimum_count": 4})

test_bleu = conformance("metric", "bleu")
test_character_error_rate = conformance("metric", "character_error_rate")
test_chrf = conformance("metric", "chrf")
test_edit_distance = conformance("metric", "edit_distance")
test_exact_match = conformance("metric", "exact_match")
test_perplexity = conformance("metric", "perplexity")
test_sequence_error_rate = conformance("metric", "sequence_error_rate")
test_ter = conformance("metric", "ter")
test_token_accuracy = conformance("metric", "token_accuracy")
test_token_error_rate = conformance("metric", "token_error_rate")
test_word_error_rate = conformance("metric", "word_error_rate")


def test_all_are_examined():
    """Each tokenizer and metric that the core offers has its test above."""
    ours = Plugins(environment={"S2S_PLUGINS": "s2s_core"})
    names = [*ours.names("tokenizer"), *ours.names("metric")]
    assert [] == [name for name in names if f"test_{name}" not in globals()]
