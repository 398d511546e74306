"""Converts tables of settings to checked configurations and back, with cattrs; errors name each setting's full path."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeVar, cast, get_args, get_origin

import attrs
import cattrs
import tomli_w
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError
from cattrs.gen import make_dict_structure_fn

from s2s_core.config.fields import LARGEST, BadValueError
from s2s_core.config.normalization import AUTO, AutoConfig
from s2s_core.config.overrides import Overrides, merge, named
from s2s_core.config.tables import Component, RunConfig
from s2s_core.errors import ConfigError, S2SError, closest, listing
from s2s_core.plugins.registry import Kind, Plugins

Table = TypeVar("Table")

_MOST_PROBLEMS, _MOST_NAMES = 20, 10
"""How many problems of tables are told, and how many unknown settings of a table."""


def structure(tables: Overrides, plugins: Plugins) -> RunConfig:
    """Builds a configuration from complete tables, such as those of ``unstructure``."""
    return cast("RunConfig", _structured(tables, RunConfig, "", plugins))


def structure_component(table: Overrides, kind: Kind, plugins: Plugins) -> Component:
    """Builds the configuration of one component, without importing any other."""
    return cast("Component", _structured(table, Annotated[Component, kind], kind, plugins))


def structure_table(table: Overrides, form: type[Table], path: str, plugins: Plugins) -> Table:
    """Builds the configuration of one table, such as ``EvaluationConfig``."""
    return cast("Table", _structured(table, form, path, plugins))


def override(config: RunConfig, overrides: Sequence[Overrides], plugins: Plugins) -> RunConfig:
    """Returns a configuration with some settings changed."""
    return structure(merge([unstructure(config), *overrides]), plugins)


def unstructure(config: RunConfig) -> dict[str, Any]:
    """Returns a configuration as tables that TOML and JSON can hold."""
    tables = attrs.asdict(config, recurse=False)
    return {name: _unstructure(value) for name, value in tables.items()}


def to_toml(config: RunConfig) -> str:
    """Returns the TOML that ``read_toml`` and ``resolve`` turn into the same configuration."""
    return tomli_w.dumps(unstructure(config))


class _BadTypeError(TypeError):
    """A value has the wrong type; ``_explain`` adds the setting's path."""


def _structured(tables: Overrides, form: Any, path: str, plugins: Plugins) -> Any:
    try:
        return ComponentConverter(plugins).structure(tables, form)
    except S2SError:
        raise
    except Exception as error:
        problems = list(dict.fromkeys(_explain(error, path)))
        more = len(problems) - _MOST_PROBLEMS
        raise ConfigError(*problems[:_MOST_PROBLEMS], *([f"and {more} more"] if more > 0 else [])) from error


class ComponentConverter(cattrs.Converter):
    """Structures configurations strictly: unknown keys and values of the wrong type are errors.

    Args:
        plugins: Where the ``Config`` of a component comes from.
    """

    def __init__(self, plugins: Plugins) -> None:
        super().__init__(forbid_extra_keys=True)
        self._plugins = plugins
        self.register_structure_hook_factory(attrs.has, self._table_hook)
        self.register_structure_hook_func(_is_list, self._list)
        self.register_structure_hook_func(_is_component, self._component)
        for kind, (accepted, expected) in _SCALARS.items():
            self.register_structure_hook(kind, _scalar_hook(kind, accepted, expected))
        self.register_structure_hook_func(lambda kind: kind == int | str, _number_or_text)

    def _component(self, value: Any, annotated: Any) -> Component:
        """Structures a component that is written as its name, or as a table with its name and settings."""
        kind = get_args(annotated)[1]
        table = named(value)
        if not isinstance(table, Mapping):
            raise _BadTypeError(f"must be a name or a table (got {value!r})")
        if not isinstance(table.get("name"), str):
            raise BadValueError("name", "a string", table.get("name"))
        settings = {name: setting for name, setting in table.items() if name != "name"}
        return Component(table["name"], self.structure(settings, self._config_class(kind, table["name"])))

    def _config_class(self, kind: Kind, name: str) -> type:
        if (kind, name) == ("tokenizer", AUTO):
            return AutoConfig
        config_class: type = self._plugins.component(kind, name).Config
        return config_class

    def _table_hook(self, cls: type) -> Any:
        """Returns a hook that structures a table of settings and requires those without a default."""
        structure_fields: Any = make_dict_structure_fn(cls, self)
        required = [field.name for field in attrs.fields(cls) if field.default is attrs.NOTHING]

        def hook(value: Any, _: Any) -> Any:
            if not isinstance(value, Mapping):
                raise _BadTypeError(f"must be a table of settings (got {value!r})")
            if lacking := [name for name in required if name not in value]:
                raise _BadTypeError(f"must have {listing(lacking)}")
            return structure_fields(value, cls)

        return hook

    def _list(self, value: Any, form: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise _BadTypeError(f"must be a list, such as [{json.dumps(value, default=str)}] (got {value!r})")
        return tuple(self.structure(item, get_args(form)[0]) for item in value)


def _is_component(form: Any) -> bool:
    return get_origin(form) is Annotated and get_args(form)[0] is Component


def _is_list(form: Any) -> bool:
    return get_origin(form) is tuple


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
    """Refuses numbers that are too large or not finite."""
    if isinstance(value, int) and abs(value) > LARGEST:
        raise _BadTypeError(f"must be from -{LARGEST} to {LARGEST} (got {value})")
    if isinstance(value, float) and not math.isfinite(value):
        raise _BadTypeError(f"must be a finite number (got {value})")


def _in_a_table(name: str) -> str:
    """Returns what may be meant by a name that is no table, but a setting in some."""
    tables = {field.name: field.type for field in attrs.fields(RunConfig)}
    plain = {table: form for table, form in tables.items() if isinstance(form, type) and attrs.has(form)}
    paths = [repr(f"{table}.{name}") for table, form in plain.items() if name in attrs.fields_dict(form)]
    return f" (did you mean {' or '.join(paths)}?)" if paths else ""


def _explain(error: BaseException, path: str) -> Iterator[str]:
    """Yields one line for each problem, with the full path of its setting."""
    if isinstance(error, ClassValidationError | IterableValidationError):
        for inner in error.exceptions:
            yield from _explain(inner, _inner_path(inner, path))
    elif isinstance(error, ForbiddenExtraKeysError):
        yield _unknown(sorted(error.extra_fields), [field.name for field in attrs.fields(error.cl)], path)
    elif isinstance(error, BadValueError):
        yield f"{_join(path, error.name)} must be {error.expected} (got {error.value!r})"
    elif isinstance(error, _BadTypeError):
        yield f"{path or 'a run'} {error}"
    elif isinstance(error, S2SError):
        yield from error.lines
    else:
        yield f"{path} can't be used: {error}"


def _unknown(keys: Sequence[str], names: Sequence[str], path: str) -> str:
    """Returns what is told of the unknown settings of a table, all in one line as all can be one mistake."""
    near = [(not path and _in_a_table(key)) or closest(key, names) for key in keys[:_MOST_NAMES]]
    told = ", ".join(f"{_join(path, key)}{hint}" for key, hint in zip(keys, near, strict=False))
    more = f" and {len(keys) - _MOST_NAMES} more" if len(keys) > _MOST_NAMES else ""
    what = "unknown setting" if len(keys) == 1 else "unknown settings"
    return f"{what} {told}{more}; {path or 'a run'} has: {listing(names)}"


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
