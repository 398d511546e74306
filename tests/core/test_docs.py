"""The documentation names everything that exists, and its links and examples work."""

import importlib
import re
import tomllib
from pathlib import Path

import attrs
import pytest
from generate import generated, our_plugins

from s2s_core.cli.plugins.show import TABLES, setting_table
from s2s_core.config.tables import RunConfig
from s2s_core.plugins.registry import KINDS
from s2s_core.testing import promises

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(path for path in DOCS.rglob("*.md") if not {"node_modules", "_build"} & set(path.parts)),
]

LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)


def page(name: str) -> str:
    """Returns a page's text."""
    return (DOCS / name).read_text(encoding="utf-8")


def anchors(path: Path) -> set[str]:
    """Returns the anchors of a page's headings, as GitHub makes them."""
    titles = HEADING.findall(path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def table_names(text: str) -> list[str]:
    """Returns the first column of a page's tables, without their heads."""
    return re.findall(r"^\| `?([\w-]+)`? \|", text, re.MULTILINE)


def requirement_names(requirements: list[str]) -> list[str]:
    """Returns the packages that are asked for."""
    return sorted(re.match(r"[\w-]+", requirement).group() for requirement in requirements)


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.stem)
def test_what_is_generated_is_up_to_date(path):
    """Each generated part of a page is what ``docs/generate.py`` makes of the code."""
    text = path.read_text(encoding="utf-8")
    assert generated(text) == text, "run: python docs/generate.py"


def test_configuration_has_a_line_for_each_setting():
    """Those of the tables of a run and of our plugins; no table of settings is forgotten."""
    plugins = our_plugins()
    configs = [plugins.component(claim.kind, claim.name).Config for claim in plugins.claims()]
    tables = [setting_table(claim.kind, claim.name) for claim in plugins.claims()]
    expected = {
        f"{table}.{field.name}"
        for table, config in (*TABLES.items(), *zip(tables, configs, strict=True))
        for field in attrs.fields(config)
        if "help" in field.metadata
    }
    assert expected == set(re.findall(r"^\| `([a-z]+\.[\w.]+)` \| [\w ]+ \| `", page("configuration.md"), re.MULTILINE))
    assert {*TABLES, "task", "encoder", "decoder"} == {field.name for field in attrs.fields(RunConfig)}


@pytest.mark.parametrize("module", ["s2s_core", "s2s_core.testing"])
def test_api_has_every_public_name(module):
    """``api.md`` documents all that the core and the conformance kit export, from docstrings or in its own words."""
    text = page("api.md")
    listed = ", ".join(re.findall(rf"^<!-- generated: api {module}: (.+) -->$", text, re.MULTILINE)).split(", ")
    public = importlib.import_module(module).__all__
    assert sorted(public) == sorted(name for name in public if name in listed or f"`{name}`" in text)


def test_conformance_explains_the_promises_of_every_kind():
    """Where a broken promise says that it is documented, it is."""
    places = [promise.place for kind in KINDS for promise in promises(kind)]
    for place in places:
        name, _, anchor = place.partition("#")
        assert anchor in anchors(ROOT / name)


def test_dependencies_are_explained():
    """``dependencies.md`` has a line for each package that ``pyproject.toml`` asks for, and no other."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    base, *sections = re.split(r"^## ", page("dependencies.md"), flags=re.MULTILINE)[1:]
    expected = [project["dependencies"], *project["optional-dependencies"].values()]
    for text, requirements in zip((base, *sections), expected, strict=True):
        assert requirement_names(requirements) == sorted(set(table_names(text)) - {"package"})


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(path):
    """To a file of the project, and to a heading in it."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in LINK.findall(text):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_tests_of_attacks_exist():
    """The page on trust names where each attack is tried."""
    names = re.findall(r"`((?:core|end_to_end)/[\w/]+\.py)`", page("trust.md"))
    assert len(names) > 20
    assert [name for name in names if not (ROOT / "tests" / name).is_file()] == []
