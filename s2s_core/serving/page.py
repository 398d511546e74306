"""The page that tries a model in a browser."""

import html
from collections.abc import Iterable
from importlib import resources

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""It loads nothing and talks to nobody but this server."""


def page(names: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Returns the page and its headers.

    Args:
        names: Of the models.
    """
    options = "".join(f"<option>{html.escape(name)}</option>" for name in names)
    template = resources.files("s2s_core.serving").joinpath("page.html").read_text(encoding="utf-8")
    return template.replace("<!-- models -->", options), _HEADERS
