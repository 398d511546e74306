"""From what a user wrote to a run's configuration, and back.

Later layers come before earlier ones: the task's defaults, the TOML file, flags, ``--set``. A component's table holds
settings of that component alone, so naming another component drops them.
"""

import json
import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast, get_args, get_origin

import attrs
import cattrs
import tomli_w
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError
from cattrs.gen import make_dict_structure_fn

from s2s_core.config.fields import LARGEST, BadValueError
from s2s_core.config.tables import Component, RunConfig
from s2s_core.errors import ConfigError, PluginError, S2SError, closest, is_utf8, listing
from s2s_core.plugins.registry import Kind, Plugins

Layer = Mapping[str, Any]
Table = TypeVar("Table")

DEFAULT_ENCODER = "mlp-rnn"
"""The one plugin that is named here: what a run without a choice learns mustn't depend on what else is installed."""

DEFAULT_TOKENIZER = "characters"


def resolve(layers: Sequence[Layer], plugins: Plugins) -> RunConfig:
    """Builds the configuration of a run.

    Args:
        layers: Tables as in a run's TOML, of rising precedence.
        plugins: Where components come from.

    Raises:
        ConfigError: With one line for each setting that is unknown or can't be used.
        PluginError: A component is missing or broken.
    """
    chosen = merge(layers)
    task = _table(chosen, "task")
    if "name" not in task:
        names = listing(plugins.names("task"))
        raise ConfigError(f"no task chosen: use --task NAME, or set task.name; there are: {names}")
    defaults: Layer = plugins.component("task", str(task["name"])).defaults
    return structure(_with_names(merge([defaults, *layers]), plugins), plugins)


def structure(tables: Layer, plugins: Plugins) -> RunConfig:
    """Builds a configuration from complete tables, such as ``unstructure`` gives."""
    return cast("RunConfig", _structured(tables, RunConfig, "", plugins))


def structure_component(table: Layer, kind: Kind, plugins: Plugins) -> Component:
    """Builds the configuration of one component alone, so that no other is imported."""
    return cast("Component", _structured(table, Annotated[Component, kind], kind, plugins))


def structure_table(table: Layer, form: type[Table], path: str, plugins: Plugins) -> Table:
    """Builds the configuration of one table alone, such as ``EvaluationConfig``."""
    return cast("Table", _structured(table, form, path, plugins))


def override(config: RunConfig, layers: Sequence[Layer], plugins: Plugins) -> RunConfig:
    """Returns a configuration of which some settings are changed."""
    return structure(merge([unstructure(config), *layers]), plugins)


def merge(layers: Sequence[Layer]) -> dict[str, Any]:
    """Puts tables of rising precedence into one."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = _merge(merged, layer)
    return merged


def unstructure(config: RunConfig) -> dict[str, Any]:
    """Returns a configuration as tables that TOML and JSON can hold."""
    tables = attrs.asdict(config, recurse=False)
    return {name: _unstructure(value) for name, value in tables.items()}


def read_toml(path: Path) -> Layer:
    """Reads a TOML file.

    Raises:
        ConfigError: It can't be read or isn't TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not a TOML file: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{path} is not a TOML file that can be read: its brackets are nested too deeply") from error


def to_toml(config: RunConfig) -> str:
    """Returns the TOML that ``read_toml`` and ``resolve`` turn into the same configuration."""
    return tomli_w.dumps(unstructure(config))


def parse_assignment(text: str) -> Layer:
    """Turns ``a.b=value`` into ``{"a": {"b": value}}``.

    The value is read as TOML; what isn't TOML is taken as a string, so that ``encoder.name=lstm`` needs no quotes.

    Raises:
        ConfigError: There is no ``=``, or no name before it, or the text isn't UTF-8.
    """
    path, equals, value = text.partition("=")
    names = [name.strip() for name in path.split(".")]
    if not equals or not all(names):
        raise ConfigError(f"--set takes NAME=VALUE, such as training.steps=500 (got {text!r})")
    if not is_utf8(text):
        raise ConfigError(f"--set takes UTF-8 text (got {text!r})")
    try:
        parsed: Any = tomllib.loads(f"value = {value}")["value"] if "\n" not in value else value
    except (ValueError, RecursionError):
        parsed = value
    return nested(path, parsed)


def nested(path: str, value: Any) -> Layer:
    """Turns ``"a.b"`` and a value into ``{"a": {"b": value}}``."""
    for name in reversed(path.split(".")):
        value = {name.strip(): value}
    return cast("Layer", value)


def _merge(below: Layer, above: Layer) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        before = merged.get(name)
        if isinstance(before, Mapping) or isinstance(value, Mapping):
            merged[name] = _merge_tables(_named(before), _named(value))
        else:
            merged[name] = value
    return merged


def _merge_tables(below: Any, above: Any) -> Any:
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return above
    if "name" in above and "name" in below and above["name"] != below["name"]:
        return above
    return _merge(below, above)


def _named(value: Any) -> Any:
    """Spells out a component that is given by its name alone."""
    if value is None:
        return {}
    return {"name": value} if isinstance(value, str) else value


def _with_names(tables: Layer, plugins: Plugins) -> Layer:
    """Fills in the components that nobody chose."""
    encoder = _table(tables, "encoder")
    if "name" not in encoder:
        _require_default_encoder(plugins)
        encoder["name"] = DEFAULT_ENCODER
    decoder = {"name": encoder["name"]} | _table(tables, "decoder")
    sides = {}
    for side in ("source", "target"):
        table = _table(tables, side)
        sides[side] = table | {"tokenizer": {"name": DEFAULT_TOKENIZER} | _table(table, "tokenizer", f"{side}.")}
    return {**tables, "encoder": encoder, "decoder": decoder, **sides}


def _require_default_encoder(plugins: Plugins) -> None:
    try:
        plugins.plugin_of("encoder", DEFAULT_ENCODER)
    except PluginError as error:
        raise ConfigError(
            f"no encoder chosen, and the default isn't there: use --encoder NAME, or set encoder.name\n{error}"
        ) from error


def _table(tables: Layer, name: str, path: str = "") -> dict[str, Any]:
    value = _named(tables.get(name))
    if not isinstance(value, Mapping):
        raise ConfigError(f"{path}{name} must be a table of settings (got {value!r})")
    return dict(value)


class _BadTypeError(TypeError):
    """A value has the wrong type, for which ``_explain`` finds the path."""


def _structured(tables: Layer, form: Any, path: str, plugins: Plugins) -> Any:
    try:
        return _converter(plugins).structure(tables, form)
    except S2SError:
        raise
    except Exception as error:
        raise ConfigError("\n".join(dict.fromkeys(_explain(error, path)))) from error


def _converter(plugins: Plugins) -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)

    def is_component(kind: Any) -> bool:
        return get_origin(kind) is Annotated and get_args(kind)[0] is Component

    def structure_component(value: Any, annotated: Any) -> Component:
        kind = get_args(annotated)[1]
        table = _named(value)
        if not isinstance(table, Mapping):
            raise _BadTypeError(f"must be a name or a table (got {value!r})")
        if not isinstance(table.get("name"), str):
            raise BadValueError("name", "a string", table.get("name"))
        settings = {name: setting for name, setting in table.items() if name != "name"}
        config_class = plugins.component(kind, table["name"]).Config
        return Component(table["name"], converter.structure(settings, config_class))

    def table_hook(cls: type) -> Any:
        structure_fields: Any = make_dict_structure_fn(cls, converter)

        def hook(value: Any, _: Any) -> Any:
            if not isinstance(value, Mapping):
                raise _BadTypeError(f"must be a table of settings (got {value!r})")
            if lacking := [
                field.name for field in attrs.fields(cls) if field.default is attrs.NOTHING and field.name not in value
            ]:
                raise _BadTypeError(f"must have {listing(lacking)}")
            return structure_fields(value, cls)

        return hook

    def is_list(form: Any) -> bool:
        return get_origin(form) is tuple

    def structure_list(value: Any, form: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise _BadTypeError(f"must be a list, such as [{json.dumps(value, default=str)}] (got {value!r})")
        return tuple(converter.structure(item, get_args(form)[0]) for item in value)

    converter.register_structure_hook_factory(attrs.has, table_hook)
    converter.register_structure_hook_func(is_list, structure_list)
    converter.register_structure_hook_func(is_component, structure_component)
    for kind, (accepted, expected) in _SCALARS.items():
        converter.register_structure_hook(kind, _scalar_hook(kind, accepted, expected))
    converter.register_structure_hook_func(lambda kind: kind == int | str, _number_or_text)
    return converter


_SCALARS: dict[type, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    str: ((str,), "a string"),
}


def _scalar_hook(kind: type, accepted: tuple[type, ...], expected: str) -> Any:
    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
            hint = "; in --set, quote it twice: '\"…\"'" if kind is str else ""
            raise _BadTypeError(f"must be {expected} (got {value!r}{hint})")
        _require_usable(value)
        return kind(value)

    return hook


def _number_or_text(value: Any, _: Any) -> int | str:
    if not isinstance(value, int | str) or isinstance(value, bool):
        raise _BadTypeError(f"must be a whole number or a string (got {value!r})")
    _require_usable(value)
    return value


def _require_usable(value: object) -> None:
    """Refuses numbers that nothing can compute with."""
    if isinstance(value, int) and abs(value) > LARGEST:
        raise _BadTypeError(f"must be from -{LARGEST} to {LARGEST} (got {value})")
    if isinstance(value, float) and not math.isfinite(value):
        raise _BadTypeError(f"must be a finite number (got {value})")


def _explain(error: BaseException, path: str) -> Iterator[str]:
    """Yields one line for each thing that is wrong, with the full path of its setting."""
    if isinstance(error, ClassValidationError | IterableValidationError):
        for inner in error.exceptions:
            yield from _explain(inner, _inner_path(inner, path))
    elif isinstance(error, ForbiddenExtraKeysError):
        known = [field.name for field in attrs.fields(error.cl)]
        for key in sorted(error.extra_fields):
            yield f"unknown setting {_join(path, key)}{closest(key, known)}; {path or 'a run'} has: {listing(known)}"
    elif isinstance(error, BadValueError):
        yield f"{_join(path, error.name)} must be {error.expected} (got {error.value!r})"
    elif isinstance(error, _BadTypeError):
        yield f"{path or 'a run'} {error}"
    elif isinstance(error, S2SError):
        yield str(error)
    else:
        yield f"{path} can't be used: {error}"


def _inner_path(error: BaseException, path: str) -> str:
    for note in getattr(error, "__notes__", ()):
        if hasattr(note, "name"):
            return _join(path, str(note.name))
    return path


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _unstructure(value: Any) -> Any:
    if isinstance(value, Component):
        return {"name": value.name, **_unstructure(value.config)}
    if attrs.has(type(value)):
        fields = attrs.asdict(value, recurse=False)
        return {name: _unstructure(inner) for name, inner in fields.items() if inner is not None}
    return [_unstructure(item) for item in value] if isinstance(value, tuple) else value
