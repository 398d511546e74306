"""Trains as ``eole train`` does, on a CPU; only its ``Trainer`` is replaced, by one that takes turns.

Its own code makes the vocabularies' indices, the model, the loss, the optimizer, the batches and the updates. Batches
are made in the same process (``num_workers: 0``), or the time for them wouldn't be counted. What only logs, the entropy
of attention, is turned off.
"""

import string
from pathlib import Path

from eole import trainer
from eole.bin.run.train import train
from eole.config.run import TrainConfig
from turns import Turns, count

ENDLESS = 1_000_000


def main() -> None:
    """Trains until the turns end."""
    turns = Turns()

    class PacedTrainer(trainer.Trainer):
        def _train_step(self, batches, *arguments, **options):
            turns.update_begins(sum(map(self._tokens, batches)), count(self.model.parameters()))
            return super()._train_step(batches, *arguments, **options)

        def _tokens(self, batch) -> int:
            predicted = batch["tgt"][:, 1:]  # without what begins a target
            return int(predicted.ne(self.train_loss.padding_idx).sum())

    trainer.Trainer = PacedTrainer
    train(TrainConfig(**described(turns.assignment)))


def described(assignment) -> dict[str, object]:
    """Returns the configuration that trains the assigned model."""
    words, folder = Path(assignment["words"]), Path(assignment["folder"])
    letters = folder / "letters.txt"
    letters.write_text("".join(f"{letter}\n" for letter in string.ascii_lowercase))
    corpus = {"path_src": f"{words}/train.source", "path_tgt": f"{words}/train.target", "transforms": []}
    return {
        "data": {"words": corpus},
        "src_vocab": str(letters),
        "tgt_vocab": str(letters),
        "vocab_size_multiple": 1,
        "model": MODELS[assignment["model"]](assignment),
        "training": training(assignment),
    }


def lstm(assignment) -> dict[str, object]:
    sizes = assignment["sizes"]
    return {
        "architecture": "custom",
        "hidden_size": sizes["hidden_size"],
        "layers": sizes["layers"],
        "input_feed": 0,
        "embeddings": {"word_vec_size": assignment["embedding_size"]},
        "encoder": {"encoder_type": "brnn", "rnn_type": "LSTM"},
        "decoder": {"decoder_type": "rnn", "rnn_type": "LSTM", "global_attention": "general"},
    }


def transformer(assignment) -> dict[str, object]:
    sizes = assignment["sizes"]
    return {
        "architecture": "transformer",
        "hidden_size": sizes["hidden_size"],
        "layers": sizes["layers"],
        "heads": sizes["heads"],
        "transformer_ff": sizes["feed_forward_size"],
        "add_qkvbias": True,
        "add_ffnbias": True,
        "embeddings": {"word_vec_size": assignment["embedding_size"], "position_encoding": True},
    }


MODELS = {"lstm": lstm, "transformer": transformer}


def training(assignment) -> dict[str, object]:
    """Returns how to train: as the others do where that can be set, and by the defaults of eole elsewhere."""
    return {
        "model_path": f"{assignment['folder']}/model",
        "optim": "adam",
        "learning_rate": assignment["learning_rate"],
        "max_grad_norm": assignment["clip_norm"],
        "batch_size": assignment["batch_size"],
        "normalization": "tokens",
        "dropout": [assignment["sizes"]["dropout"]],
        "attention_dropout": [0.0],
        "num_workers": 0,
        "train_steps": ENDLESS,
        "valid_steps": ENDLESS,
        "save_checkpoint_steps": ENDLESS,
        "log_attention_entropy": False,
    }


if __name__ == "__main__":
    main()
