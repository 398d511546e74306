"""The core's own plugin: its tokenizers and metrics, registered through an entry point like any other plugin's."""

from collections.abc import Mapping

from s2s_core.plugins.hookspecs import hookimpl


@hookimpl
def s2s_tokenizers() -> Mapping[str, type | str]:
    """Registers ``bpe``, ``bytes``, ``characters``, ``unigram`` and ``words``."""
    return {
        "bpe": "s2s_core.text.bpe:BPE",
        "bytes": "s2s_core.text.bytes:Bytes",
        "characters": "s2s_core.text.characters:Characters",
        "unigram": "s2s_core.text.unigram:Unigram",
        "words": "s2s_core.text.words:Words",
    }


@hookimpl
def s2s_metrics() -> Mapping[str, type | str]:
    """Registers accuracies, edit distance and error rates, the metrics of translation, and ``perplexity``."""
    return {
        "exact_match": "s2s_core.evaluation.metrics.exact_match:ExactMatch",
        "token_accuracy": "s2s_core.evaluation.metrics.token_accuracy:TokenAccuracy",
        "edit_distance": "s2s_core.evaluation.metrics.edit_distance:EditDistance",
        "character_error_rate": "s2s_core.evaluation.metrics.error_rate:CharacterErrorRate",
        "token_error_rate": "s2s_core.evaluation.metrics.error_rate:TokenErrorRate",
        "word_error_rate": "s2s_core.evaluation.metrics.error_rate:WordErrorRate",
        "sequence_error_rate": "s2s_core.evaluation.metrics.sequence_error_rate:SequenceErrorRate",
        "bleu": "s2s_core.evaluation.metrics.translation:BLEU",
        "chrf": "s2s_core.evaluation.metrics.translation:ChrF",
        "ter": "s2s_core.evaluation.metrics.translation:TER",
        "perplexity": "s2s_core.evaluation.metrics.perplexity:Perplexity",
    }
