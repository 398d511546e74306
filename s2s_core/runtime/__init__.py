"""The runtime: loads an exported file and answers with it, without PyTorch."""

from s2s_core.runtime.file import Answers, ExportedModel, load
from s2s_core.runtime.session import Stop

__all__ = ["Answers", "ExportedModel", "Stop", "load"]
