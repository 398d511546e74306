"""The metrics of machine translation, as sacrebleu computes them: BLEU, chrF and TER."""

import itertools
from collections.abc import Sequence
from typing import Any

import attrs

from s2s_core.config.fields import between, one_of, setting
from s2s_core.evaluation.metric import Metric


class SacreMetric(Metric):
    """Scores from 0 to 100 by sacrebleu, with its signature. A subclass implements ``scorer``."""

    digits = 2
    _signature = ""

    def scorer(self, *, line: bool = False) -> Any:
        """Returns one of sacrebleu's metrics.

        Args:
            line: Whether it is to score a single line rather than a corpus.
        """
        raise NotImplementedError

    def score(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
        """Returns the score of the whole corpus; see ``Metric.score``."""
        if len(hypotheses) != len(references):
            raise ValueError(f"there are {len(hypotheses)} hypotheses, but references for {len(references)}")
        scorer = self.scorer()
        streams = list(itertools.zip_longest(*references))  # sacrebleu ignores references that are None
        score = float(scorer.corpus_score(list(hypotheses), streams).score)
        self._signature = str(scorer.get_signature())
        return score

    def score_line(self, hypothesis: str, references: Sequence[str]) -> float:
        """Returns sacrebleu's score of a single sentence."""
        return float(self.scorer(line=True).sentence_score(hypothesis, list(references)).score)

    def signature(self) -> str:
        """Returns sacrebleu's signature of the last score, which makes it reproducible."""
        return self._signature


@attrs.frozen
class BLEUConfig:
    """The settings of BLEU."""

    tokenize: str = setting(
        "13a", "sacrebleu tokenizer that splits texts into words", one_of("13a", "char", "intl", "none", "zh")
    )
    lowercase: bool = setting(default=False, help="whether to ignore case")


class BLEU(SacreMetric):
    """BLEU, from 0 to 100 (Papineni et al. 2002), for whole sentences: texts of fewer than four words score 0.

    A single line of fewer words is scored with as many n-gram orders as it has words.
    """

    Config = BLEUConfig

    def scorer(self, *, line: bool = False) -> Any:
        """Returns sacrebleu's BLEU."""
        from sacrebleu.metrics.bleu import BLEU as Scorer  # noqa: N811, PLC0415  # most metrics don't need it

        config = self.config
        return Scorer(lowercase=config.lowercase, tokenize=config.tokenize, effective_order=line, force=True)


@attrs.frozen
class ChrFConfig:
    """The settings of chrF."""

    word_order: int = setting(0, "longest word n-grams to include; 2 gives chrF++", between(0, 4))
    lowercase: bool = setting(default=False, help="whether to ignore case")


class ChrF(SacreMetric):
    """chrF, from 0 to 100: the F-score of character n-grams (Popović 2015)."""

    Config = ChrFConfig

    def scorer(self, *, line: bool = False) -> Any:
        """Returns sacrebleu's chrF."""
        from sacrebleu.metrics.chrf import CHRF as Scorer  # noqa: N811, PLC0415

        del line
        return Scorer(word_order=self.config.word_order, lowercase=self.config.lowercase)


@attrs.frozen
class TERConfig:
    """The settings of TER."""

    normalize: bool = setting(default=False, help="whether to separate punctuation from words before comparing")
    lowercase: bool = setting(default=True, help="whether to ignore case")


class TER(SacreMetric):
    """The translation edit rate, TER, in percent: edits and shifts of words to the nearest reference (Snover 2006)."""

    Config = TERConfig
    higher_is_better = False

    def scorer(self, *, line: bool = False) -> Any:
        """Returns sacrebleu's TER."""
        from sacrebleu.metrics.ter import TER as Scorer  # noqa: N811, PLC0415

        del line
        return Scorer(normalized=self.config.normalize, case_sensitive=not self.config.lowercase)
