"""How Sphinx builds the documentation site: ``make docs``."""

from pathlib import Path

from s2s_core import __version__

ROOT = Path(__file__).parents[1]

project = "s2s"
author = "the s2s contributors"
release = version = __version__
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build", "**/node_modules"]
nitpicky = True

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_attr_annotations = False
napoleon_use_ivar = True
nitpick_ignore_regex = [
    (
        "py:.*",
        r"(attrs|collections|numpy|os|pathlib|pluggy|random|torch)\..*",
    ),  # theirs, whose sites a build doesn't ask
    ("py:.*", r"PluginManager(\..*)?"),  # in the docstring of pluggy's marker
    ("py:.*", r"s2s_core\.(config\.\w+\.\w+Config|plugins\.registry\.Plugins)"),  # which a plugin only looks at
    ("py:.*", r"s2s_core\.(evaluation\.\w+\.(Answered|LengthScores)|runs\.run\.Run)"),  # parts of what is documented
    ("py:.*", r"[A-Z]\w+"),  # names that are imported for the type checker alone, by which Sphinx finds nothing
]

html_theme = "furo"
html_title = f"s2s {release}"
html_copy_source = False
html_show_sphinx = False

OUTSIDE = {"contributing": ROOT / "CONTRIBUTING.md", "changelog": ROOT / "CHANGELOG.md"}
"""Pages that stand at the root of the repository. In ``docs/`` is a link to each; the site has the page."""


def setup(app):
    """Lets the site have what stands outside ``docs/``."""
    app.connect("source-read", read_outside)


def read_outside(app, name, source):
    """Replaces a page by the one that it stands for, whose links lead from the root."""
    if name in OUTSIDE:
        app.env.note_dependency(str(OUTSIDE[name]))
        text = OUTSIDE[name].read_text(encoding="utf-8").replace("](docs/", "](")
        for page, path in OUTSIDE.items():
            text = text.replace(f"]({path.name}", f"]({page}.md")
        source[0] = text
