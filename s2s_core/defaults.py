"""The tokenizers and metrics of the core, offered through the same entry point as anyone's."""

from collections.abc import Mapping

from s2s_core.hookspecs import hookimpl


@hookimpl
def s2s_tokenizers() -> Mapping[str, type | str]:
    """Gives ``characters`` and ``words``."""
    return {
        "characters": "s2s_core.tokenizers.characters:Characters",
        "words": "s2s_core.tokenizers.words:Words",
    }


@hookimpl
def s2s_metrics() -> Mapping[str, type | str]:
    """Gives ``exact_match``, ``token_accuracy`` and ``edit_distance``."""
    return {
        "exact_match": "s2s_core.metrics.exact_match:ExactMatch",
        "token_accuracy": "s2s_core.metrics.token_accuracy:TokenAccuracy",
        "edit_distance": "s2s_core.metrics.edit_distance:EditDistance",
    }
