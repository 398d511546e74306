"""Scaffolding for new plugins: a complete project with one working, tested component."""

from s2s_core.plugins.scaffold.project import LICENCES, Licence, Project

__all__ = ["LICENCES", "Licence", "Project"]
