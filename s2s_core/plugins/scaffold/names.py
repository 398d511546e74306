"""What is derived from a component's name: a distribution, a package and a class."""

import re
import unicodedata

import attrs

from s2s_core.errors import PluginError

LONGEST = 50
"""The most characters of a name, so that everything derived from it fits on a line."""

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


@attrs.frozen
class Names:
    """A component's name and what a project needs besides.

    Every name that is allowed gives valid others. Those of distribution and package begin with ``s2s``, so that they
    are no keyword and hide no module of Python.

    Args:
        component: What users type, such as ``"phone-book"``.

    Raises:
        PluginError: The name can't be used.
    """

    component: str = attrs.field()

    @component.validator
    def _require_valid(self, _: object, value: str) -> None:
        if not _NAME.fullmatch(value):
            raise PluginError(
                "NAME must be lower-case letters and digits, in parts joined by '-' or '_', and begin with a letter "
                f"(got {value!r}){_similar(value)}"
            )
        if len(value) > LONGEST:
            raise PluginError(f"NAME must have at most {LONGEST} characters (got {len(value)}: {value!r})")

    @property
    def distribution(self) -> str:
        """What ``pip`` installs, such as ``"s2s-phone-book"``."""
        return "s2s-" + self.component.replace("_", "-")

    @property
    def package(self) -> str:
        """What Python imports, such as ``"s2s_phone_book"``."""
        return self.distribution.replace("-", "_")

    @property
    def identifier(self) -> str:
        """The name as a part of Python's names, such as ``"phone_book"``."""
        return self.component.replace("-", "_")

    @property
    def capitalized(self) -> str:
        """The name as the beginning of a class's name, such as ``"PhoneBook"``."""
        return "".join(part.capitalize() for part in self.identifier.split("_"))


def _similar(name: str) -> str:
    """Returns ``" (did you mean 'x'?)"`` for what is left of a name if it's made valid, if anything is."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", plain).lower()
    valid = re.sub(r"[^a-z0-9]+", "-", words).strip("-").lstrip("-0123456789")
    return f" (did you mean {valid!r}?)" if _NAME.fullmatch(valid) else ""
