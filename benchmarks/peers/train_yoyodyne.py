"""Trains as ``yoyodyne fit`` does, on a CPU; one of its callbacks also takes turns.

Its own code makes the vocabulary, the model, the loss, the optimizer and the updates. Its batches are made in another
process, whose time isn't counted; it doesn't sort by length. Its decoder with attention differs from the others': each
step also reads what it attends to, so it takes one step at a time. Source and target share their embeddings.
"""

from turns import Turns, count
from yoyodyne import callbacks
from yoyodyne.cli.main import python_interface

ENDLESS = 1_000_000


def main() -> None:
    """Trains until the turns end."""
    turns = Turns()

    class PacedSummary(callbacks.CompactModelSummary):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
            del trainer, batch_idx
            turns.update_begins(int(batch.target.lengths().sum()), count(pl_module.parameters()))

    callbacks.CompactModelSummary = PacedSummary
    python_interface({"subcommand": "fit", "fit": described(turns.assignment)})


def described(assignment) -> dict[str, object]:
    """Returns the configuration that trains the assigned model."""
    name, encoder, own = MODELS[assignment["model"]](assignment)
    sizes = assignment["sizes"]
    shared = {"embedding_size": assignment["embedding_size"]}
    decoder = {"decoder_layers": sizes["layers"], "decoder_dropout": sizes["dropout"], "compute_accuracy": False}
    encoder["init_args"] |= shared | {"layers": sizes["layers"], "dropout": sizes["dropout"]}
    optimizer = {"class_path": "torch.optim.Adam", "init_args": {"lr": assignment["learning_rate"]}}
    return {
        "data": {
            "model_dir": assignment["folder"],
            "train": f"{assignment['words']}/train.tsv",
            "source_col": 1,
            "target_col": 2,
            "batch_size": assignment["batch_size"],
        },
        "model": {
            "class_path": f"yoyodyne.models.{name}",
            "init_args": {**shared, **decoder, **own, "source_encoder": encoder, "optimizer": optimizer},
        },
        "trainer": {
            "accelerator": "cpu",
            "gradient_clip_val": assignment["clip_norm"],
            "max_epochs": ENDLESS,
            "limit_val_batches": 0,
            "enable_progress_bar": False,
        },
    }


def lstm(assignment) -> tuple[str, dict, dict]:
    """Returns the model, its encoder, the directions of which share its width, and settings of its decoder."""
    width = assignment["sizes"]["hidden_size"]
    encoder = {"class_path": "yoyodyne.models.modules.LSTMEncoder", "init_args": {"hidden_size": width // 2}}
    return "SoftAttentionLSTMModel", encoder, {"decoder_hidden_size": width}


def transformer(assignment) -> tuple[str, dict, dict]:
    """Returns the model, its encoder, and settings of its decoder; what yoyodyne calls hidden is the feed-forward."""
    heads, hidden = assignment["sizes"]["heads"], assignment["sizes"]["feed_forward_size"]
    encoder = {
        "class_path": "yoyodyne.models.modules.TransformerEncoder",
        "init_args": {"attention_heads": heads, "hidden_size": hidden},
    }
    return "TransformerModel", encoder, {"decoder_attention_heads": heads, "decoder_hidden_size": hidden}


MODELS = {"lstm": lstm, "transformer": transformer}


if __name__ == "__main__":
    main()
