"""Trains as ``joeynmt train`` does, on a CPU; only its ``TrainManager`` is replaced, by one that takes turns.

Its own code makes the vocabularies, the model, the loss, the optimizer, the batches and the updates. It makes batches
of any pairs: it doesn't sort by length.
"""

from pathlib import Path

from joeynmt import training
from joeynmt.helpers import make_model_dir
from turns import Turns, count

ENDLESS = 1_000_000


def main() -> None:
    """Trains until the turns end."""
    turns = Turns()

    class PacedTrainManager(training.TrainManager):
        def _train_step(self, batch):
            turns.update_begins(batch.ntokens, count(self.model.parameters()))
            return super()._train_step(batch)

    training.TrainManager = PacedTrainManager
    configuration = described(turns.assignment)
    make_model_dir(Path(configuration["model_dir"]))
    training.train(rank=0, world_size=0, cfg=configuration, skip_test=True)


def described(assignment) -> dict[str, object]:
    """Returns the configuration that trains the assigned model."""
    encoder, decoder = MODELS[assignment["model"]](assignment)
    return {
        "name": "words",
        "model_dir": f"{assignment['folder']}/model",
        "use_cuda": False,
        "data": {
            "train": f"{assignment['words']}/train",
            "dev": f"{assignment['words']}/validation",
            "dataset_type": "plain",
            "src": {"lang": "source", "level": "word"},
            "trg": {"lang": "target", "level": "word"},
        },
        "model": {"encoder": encoder, "decoder": decoder},
        "training": {
            "optimizer": "adam",
            "learning_rate": assignment["learning_rate"],
            "scheduling": "warmupinversesquareroot",  # one is required; that of a plateau fails with this PyTorch
            "clip_grad_norm": assignment["clip_norm"],
            "normalization": "tokens",
            "batch_size": assignment["batch_size"],
            "epochs": ENDLESS,
            "validation_freq": ENDLESS,
        },
        "testing": {},
    }


def lstm(assignment) -> tuple[dict[str, object], dict[str, object]]:
    """Returns an encoder and a decoder; the two directions of the encoder share its width."""
    sizes = assignment["sizes"]
    shared = {
        "type": "recurrent",
        "rnn_type": "lstm",
        "num_layers": sizes["layers"],
        "dropout": sizes["dropout"],
        "embeddings": {"embedding_dim": assignment["embedding_size"]},
    }
    encoder = {"hidden_size": sizes["hidden_size"] // 2, "bidirectional": True}
    attention = {"attention": "luong", "input_feeding": False, "init_hidden": "last"}
    return {**shared, **encoder}, {**shared, **attention, "hidden_size": sizes["hidden_size"]}


def transformer(assignment) -> tuple[dict[str, object], dict[str, object]]:
    sizes = assignment["sizes"]
    side = {
        "type": "transformer",
        "hidden_size": sizes["hidden_size"],
        "num_layers": sizes["layers"],
        "num_heads": sizes["heads"],
        "ff_size": sizes["feed_forward_size"],
        "dropout": sizes["dropout"],
        "layer_norm": "pre",
        "embeddings": {"embedding_dim": assignment["embedding_size"], "scale": True},
    }
    return side, side


MODELS = {"lstm": lstm, "transformer": transformer}


if __name__ == "__main__":
    main()
