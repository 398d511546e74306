"""Trains with ``s2s train``, whose ``Updater`` alone is replaced: by one that takes turns."""

import sys

from turns import Turns, count

from s2s_core.__main__ import main as s2s
from s2s_core.training import preparation

COMPONENTS = {"lstm": ("lstm", "attention-lstm"), "transformer": ("transformer", "transformer")}
"""The encoder and the decoder of each model."""

ENDLESS = 1_000_000


def main() -> None:
    """Trains until the turns end."""
    turns = Turns()

    class PacedUpdater(preparation.Updater):
        def __init__(self, accelerator, model, optimizer, config) -> None:
            super().__init__(accelerator, model, optimizer, config)
            self.parameters = count(model.parameters())

        def update(self, batch, rate):
            turns.update_begins(int(batch.target_lengths.sum()), self.parameters)
            return super().update(batch, rate)

    preparation.Updater = PacedUpdater
    sys.argv = ["s2s", *arguments(turns.assignment)]
    s2s()


def arguments(assignment) -> list[str]:
    """Returns the command that trains the assigned model."""
    encoder, decoder = COMPONENTS[assignment["model"]]
    options = [word for name, value in settings(assignment).items() for word in ("--set", f"{name}={value}")]
    components = ["--task", "pairs", "--encoder", encoder, "--decoder", decoder]
    return ["train", *components, *options, "--output", f"{assignment['folder']}/run"]


def settings(assignment) -> dict[str, object]:
    """Returns the settings that other toolkits have too; what remains are the defaults of ``pairs``."""
    sizes = assignment["sizes"]
    sides = {f"{side}.{name}": value for side in ("encoder", "decoder") for name, value in sizes.items()}
    return {
        "task.train": f"{assignment['words']}/train.tsv",
        "task.validation": f"{assignment['words']}/validation.tsv",
        "task.test": f"{assignment['words']}/validation.tsv",
        "source.tokenizer": "characters",
        "target.tokenizer": "characters",
        "source.embedding_size": assignment["embedding_size"],
        "target.embedding_size": assignment["embedding_size"],
        **sides,
        "training.steps": ENDLESS,
        "training.validate_every": ENDLESS,
        "training.batch_size": assignment["batch_size"],
        "training.learning_rate": assignment["learning_rate"],
        "training.label_smoothing": 0.0,
        "training.device": "cpu",
        **assignment["settings"],
    }


if __name__ == "__main__":
    main()
