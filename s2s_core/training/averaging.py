"""Averages weights: exponential moving average, or the mean of the last or best checkpoints."""

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from s2s_core.config.training import TrainingConfig

Weights = Mapping[str, Tensor]


class Averaging:
    """The base class, which validates the latest weights without averaging. Training itself always goes on with those.

    Args:
        model: The model that is trained.
        config: The training settings.
    """

    def __init__(self, model: nn.Module, config: TrainingConfig) -> None:
        self._model, self._config = model, config

    def updated(self, step: int) -> None:
        """Called after each update; ``step`` is the number of updates so far."""

    def running(self) -> Weights | None:
        """Returns the weights to validate now; ``None`` stands for the latest ones."""

    def judged(self, score: float) -> None:
        """Called with the score of the model's weights; a higher one is better."""

    def final(self) -> Weights | None:
        """Returns the average to validate when training ends, if there is one."""

    @property
    def finalists(self) -> int:
        """The number of models whose weights ``final`` averages."""
        return 0

    def tensors(self) -> dict[str, Tensor]:
        """Returns the tensors that resuming needs."""
        return {}

    def load(self, saved: Weights) -> None:
        """Restores the state from what ``tensors`` returned."""


class MovingAverage(Averaging):
    """The exponential moving average of the weights, which forgets the first updates sooner than later ones."""

    def __init__(self, model: nn.Module, config: TrainingConfig) -> None:
        super().__init__(model, config)
        self._average = _copies(model)

    def updated(self, step: int) -> None:
        """Moves the average towards the latest weights."""
        # The warm-up of TensorFlow's ExponentialMovingAverage: the initial weights mustn't dominate early averages.
        decay = min(self._config.ema_decay, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, parameter in self._model.named_parameters():
                self._average[name].lerp_(parameter, 1 - decay)

    def running(self) -> Weights:
        """Returns the average."""
        return self._average

    def tensors(self) -> dict[str, Tensor]:
        """Returns the average."""
        return self._average

    def load(self, saved: Weights) -> None:
        """Restores the average."""
        for name, average in self._average.items():
            average.copy_(saved[name])


class LastCheckpoints(Averaging):
    """The mean of the weights at the last validations, the current one included."""

    def __init__(self, model: nn.Module, config: TrainingConfig) -> None:
        super().__init__(model, config)
        self._last: list[dict[str, Tensor]] = []

    def running(self) -> Weights:
        """Returns the mean."""
        self._last = [*self._last, _stored(self._model)][-self._config.average_count :]
        return _mean(self._last)

    def tensors(self) -> dict[str, Tensor]:
        """Returns the weights of each checkpoint."""
        return _numbered(self._last)

    def load(self, saved: Weights) -> None:
        """Restores the weights of each checkpoint."""
        self._last = _unnumbered(saved)


class BestCheckpoints(Averaging):
    """The mean of the weights that did best in validation, made when training ends."""

    def __init__(self, model: nn.Module, config: TrainingConfig) -> None:
        super().__init__(model, config)
        self._best: list[tuple[float, dict[str, Tensor]]] = []

    def judged(self, score: float) -> None:
        """Keeps the weights if they are among the best; of equal ones the later."""
        ranked = sorted([(score, _stored(self._model)), *self._best], key=lambda model: model[0], reverse=True)
        self._best = ranked[: self._config.average_count]

    def final(self) -> Weights | None:
        """Returns the mean of the checkpoints, if there are at least two."""
        return _mean([weights for _, weights in self._best]) if len(self._best) > 1 else None

    @property
    def finalists(self) -> int:
        """The number of models whose weights ``final`` averages."""
        return len(self._best)

    def tensors(self) -> dict[str, Tensor]:
        """Returns the weights and scores of the checkpoints."""
        scores = torch.tensor([score for score, _ in self._best], dtype=torch.float64)
        return {"scores": scores, **_numbered([weights for _, weights in self._best])}

    def load(self, saved: Weights) -> None:
        """Restores the weights and scores of the checkpoints."""
        weights = _unnumbered({name: tensor for name, tensor in saved.items() if name != "scores"})
        self._best = list(zip(saved["scores"].tolist(), weights, strict=True))


def make_averaging(config: TrainingConfig, model: nn.Module) -> Averaging:
    """Creates the averaging that ``training.average`` names."""
    classes = {"none": Averaging, "ema": MovingAverage, "last": LastCheckpoints, "best": BestCheckpoints}
    return classes[config.average](model, config)


@contextlib.contextmanager
def borrowed(model: nn.Module, weights: Weights | None) -> Iterator[None]:
    """Puts other weights into a model temporarily; ``None`` leaves it unchanged."""
    own = _copies(model) if weights is not None else {}
    _fill(model, weights or {})
    try:
        yield
    finally:
        _fill(model, own)


def _fill(model: nn.Module, weights: Weights) -> None:
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, tensor in weights.items():
            parameters[name].copy_(tensor)


def _copies(model: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def _stored(model: nn.Module) -> dict[str, Tensor]:
    """Returns copies in CPU memory."""
    return {name: copy.cpu() for name, copy in _copies(model).items()}


def _mean(several: list[dict[str, Tensor]]) -> Weights:
    return {name: torch.stack([weights[name] for weights in several]).mean(0) for name in several[0]}


def _numbered(several: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {f"{number}/{name}": tensor for number, weights in enumerate(several) for name, tensor in weights.items()}


def _unnumbered(saved: Weights) -> list[dict[str, Tensor]]:
    several: dict[int, dict[str, Tensor]] = {}
    for key, tensor in saved.items():
        number, _, name = key.partition("/")
        several.setdefault(int(number), {})[name] = tensor
    return [several[number] for number in sorted(several)]
