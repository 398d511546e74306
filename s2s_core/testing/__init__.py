"""The conformance kit: examines whether a component keeps the promises that every component of its kind makes.

A plugin's test file needs one line for each component::

    test_average = conformance("encoder", "average")

On the command line it is ``s2s plugins check average``. Each promise is documented in ``docs/conformance.md``.
"""

from s2s_core.testing.kit import Finding, conformance, examine, promises
from s2s_core.testing.promise import BrokenPromiseError, Promise
from s2s_core.testing.subject import Subject

__all__ = ["BrokenPromiseError", "Finding", "Promise", "Subject", "conformance", "examine", "promises"]
