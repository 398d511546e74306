"""The settings of normalisation, which every tokenizer that normalises has."""

import attrs

from s2s_core.config.fields import one_of, setting


@attrs.frozen
class NormalizationConfig:
    """The settings of normalisation, and of the parts of a text that it leaves alone."""

    normalization: str = setting(
        "none",
        "Unicode normal form of texts; nfkc and nfkd unify equivalent characters, nfd and nfkd split off marks",
        one_of("none", "nfkc", "nfd", "nfkd"),
    )
    fold_case: bool = setting(default=False, help="whether to ignore the difference between upper and lower case")
    tags: bool = setting(
        default=False, help="whether <…> without white space, such as <PST>, is one token, neither normalised nor split"
    )


AUTO = "auto"
"""The name of a tokenizer that is chosen when the training texts are read."""


@attrs.frozen
class AutoConfig(NormalizationConfig):
    """The settings of ``auto``, which the tokenizer that is chosen takes over."""
