"""``python -m s2s_core`` is ``s2s``."""

import os
import signal
import sys

from s2s_core.runs.processes import collect_rarely, share_cores


def main() -> None:
    """Runs the command line; Ctrl-C is no traceback while its modules are imported, nor when all has been said."""
    collect_rarely()
    share_cores()
    try:
        from s2s_core.cli.main import main as run  # noqa: PLC0415
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        sys.stderr.flush()
        os._exit(130)
    try:
        run()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    main()
