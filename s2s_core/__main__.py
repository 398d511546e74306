"""``python -m s2s_core`` is ``s2s``."""

from s2s_core.cli.main import main

main()
