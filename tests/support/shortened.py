"""Makes runs short where ``S2S_SHORTENED`` is set; the tests of the documentation start Python with this."""

import os
import sys

MODE = os.environ.get("S2S_SHORTENED", "")


def shorten() -> None:
    """Lets ``resolve`` give a run few updates and tiny sizes, whatever was asked for."""
    from s2s_core.config import resolve

    original = resolve.resolve

    def resolved(layers, plugins):
        return tiny(original(layers, plugins))

    resolve.resolve = resolved
    recipe = sys.modules.get("s2s_core.pipeline.recipe")
    if recipe is not None:
        recipe.resolve = resolved
    from s2s_core.pipeline import remarks

    remarks.long_targets = lambda *_: ()  # they are longer than these short answers, of which no page speaks


def tiny(config):
    """Returns a run's configuration with as many validations as before, but hardly an update between them."""
    import attrs

    training, decoding = config.training, config.decoding
    validations = (
        min(-(-training.steps // training.validate_every), 5) if training.steps and training.validate_every else 5
    )
    return attrs.evolve(
        config,
        task=tiny_component(config.task),
        source=attrs.evolve(config.source, embedding_size=min(config.source.embedding_size, 8)),
        target=attrs.evolve(config.target, embedding_size=min(config.target.embedding_size, 8)),
        encoder=tiny_component(config.encoder),
        decoder=tiny_component(config.decoder),
        training=attrs.evolve(
            training,
            steps=validations,
            epochs=0.0,
            validate_every=1,
            batch_size=min(training.batch_size, 8),
            accumulation=1,
        ),
        decoding=attrs.evolve(decoding, max_length=min(decoding.max_length, 6)),
        export=attrs.evolve(config.export, parity_examples=1),
    )


SIZES = {"hidden_size": 8, "size": 8, "feed_forward_size": 8, "channels": 8, "layers": 1, "heads": 2, "held_out": 10}
"""The most that a component's setting of this name may be."""


def tiny_component(component):
    """Returns a component with small sizes."""
    import attrs

    names = {field.name for field in attrs.fields(type(component.config))}
    sizes = {name: min(size, getattr(component.config, name)) for name, size in SIZES.items() if name in names}
    return attrs.evolve(component, config=attrs.evolve(component.config, **sizes))


def leave_out_export():
    """Lets ``s2s run`` end when the model is trained and evaluated."""
    from s2s_core.pipeline import run as pipeline

    def evaluated(trained, progress):
        evaluation = pipeline.evaluate(trained)
        pipeline.record_test_scores(trained, evaluation)
        progress.evaluated(trained, evaluation)
        return trained

    pipeline._finish = evaluated


if MODE.startswith("shortened"):
    shorten()
if MODE == "shortened, without export":
    leave_out_export()
