"""The names of a new project, all derived from the component's: distribution, package and class."""

import re
import unicodedata

import attrs

from s2s_core.errors import PluginError

LONGEST = 50
"""The maximum length of a name, so that everything derived from it fits on a line."""

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


@attrs.frozen
class Names:
    """A component's name and the other names that its project needs.

    Every valid name leads to valid other names. Distribution and package begin with ``s2s``, so that neither is a
    keyword or hides a module of Python.

    Args:
        component: The name that users type, such as ``"phone-book"``.

    Raises:
        PluginError: The name is invalid.
    """

    component: str = attrs.field()

    @component.validator
    def _require_valid(self, _: object, value: str) -> None:
        if not _NAME.fullmatch(value):
            raise PluginError(
                "NAME must be lower-case letters and digits, in words joined by '-' or '_', and begin with a letter "
                f"(got {value!r}){_similar(value)}"
            )
        if len(value) > LONGEST:
            raise PluginError(f"NAME must have at most {LONGEST} characters (got {len(value)}: {value!r})")

    @property
    def distribution(self) -> str:
        """The name that ``pip`` installs, such as ``"s2s-phone-book"``."""
        return "s2s-" + self.component.replace("_", "-")

    @property
    def package(self) -> str:
        """The name that Python imports, such as ``"s2s_phone_book"``."""
        return self.distribution.replace("-", "_")

    @property
    def identifier(self) -> str:
        """The name in the form of a Python identifier, such as ``"phone_book"``."""
        return self.component.replace("-", "_")

    @property
    def capitalized(self) -> str:
        """The name in the form of a class name, such as ``"PhoneBook"``."""
        return "".join(part.capitalize() for part in self.identifier.split("_"))


def _similar(name: str) -> str:
    """Returns ``" (did you mean 'x'?)"`` with the closest valid name; empty if there is none."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", plain).lower()
    valid = re.sub(r"[^a-z0-9]+", "-", words).strip("-").lstrip("-0123456789")
    return f" (did you mean {valid!r}?)" if _NAME.fullmatch(valid) else ""
