"""New plugins: a whole project with one component, which works and is tested as it is written."""

from s2s_core.plugins.scaffold.project import LICENCES, Licence, Project

__all__ = ["LICENCES", "Licence", "Project"]
