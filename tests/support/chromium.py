"""A headless Chromium, driven by the DevTools protocol over two pipes, and a server of a folder that can be stopped.

It needs Debian's package ``chromium``, or another program of that name, and nothing else.
"""

import base64
import contextlib
import functools
import http.server
import json
import os
import select
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
)

SECONDS = 120
"""How long an answer may take, on a busy machine too."""


def program() -> str | None:
    """Returns the path of the browser, if there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Chromium:
    """A browser with a new profile and one page.

    Args:
        profile: An empty folder for the profile.

    Attributes:
        requested: The URLs that the page and its service worker asked for.
        complaints: Errors and warnings of the console, such as of the Content-Security-Policy, and exceptions.
    """

    def __init__(self, profile: Path) -> None:
        self.requested: list[str] = []
        self.complaints: list[str] = []
        self._received = b""
        self._number = 0
        self._answers: dict[int, dict] = {}
        self._sessions: dict[str, str] = {}
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        command = [program(), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "chromium", *command],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        attach = {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True}
        self._ask("Target.setAutoAttach", attach, session="")
        self._wait(lambda: "page" in self._sessions, "no page")

    def open(self, url: str, condition: str) -> None:
        """Opens a page, and waits until an expression is true in it."""
        self._ask("Page.navigate", {"url": url})
        self.wait(condition)

    def wait(self, condition: str) -> None:
        """Waits until an expression is true; while a page loads, it isn't."""

        def holds() -> bool:
            with contextlib.suppress(RuntimeError):
                return bool(self.evaluate(condition))
            return False

        self._wait(holds, condition)

    def evaluate(self, expression: str) -> object:
        """Returns the value of an expression, or of what it promises.

        Raises:
            RuntimeError: It has none.
        """
        options = {"expression": expression, "awaitPromise": True, "returnByValue": True, "userGesture": True}
        answer = self._ask("Runtime.evaluate", options)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def press(self, key: str, *, shift: bool = False) -> None:
        """Presses and releases a key, such as ``"Enter"`` or ``"Tab"``."""
        code = {"Enter": 13, "Tab": 9, " ": 32}[key]
        text = {"Enter": "\r", " ": " "}.get(key, "")
        event = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 8 * shift}
        self._ask("Input.dispatchKeyEvent", {"type": "keyDown", **event, **({"text": text} if text else {})})
        self._ask("Input.dispatchKeyEvent", {"type": "keyUp", **event})

    def type(self, text: str) -> None:
        """Types a text where the focus is."""
        self._ask("Input.insertText", {"text": text})

    def set_looks(self, *, dark: bool = False, width: int = 900, height: int = 900) -> None:
        """Sets the colours that the user prefers, and the size of the window."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", {"features": [scheme]})
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._ask("Emulation.setDeviceMetricsOverride", size)

    def screenshot(self, path: Path) -> None:
        """Writes what the page looks like as a PNG."""
        path.write_bytes(base64.b64decode(self._ask("Page.captureScreenshot", {"captureBeyondViewport": True})["data"]))

    def accessible(self) -> list[tuple[str, str]]:
        """Returns the role and the name of everything that a screen reader meets."""
        nodes = self._ask("Accessibility.getFullAXTree", {})["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node.get("ignored")
        ]

    def close(self) -> None:
        """Ends the browser."""
        with contextlib.suppress(OSError, RuntimeError):
            self._ask("Browser.close", {}, session="")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def _send(self, method: str, options: dict, session: str) -> int:
        self._number += 1
        message = {"id": self._number, "method": method, "params": options}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        return self._number

    def _ask(self, method: str, options: dict, session: str | None = None) -> dict:
        number = self._send(method, options, self._sessions["page"] if session is None else session)
        self._wait(lambda: number in self._answers, method)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _wait(self, condition, what: str) -> None:
        end = time.monotonic() + SECONDS
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"{what}: {self.complaints}")
            self._receive()

    def _receive(self) -> None:
        """Takes what the browser says within a moment."""
        if not select.select([self._in], [], [], 0.05)[0]:
            return
        part = os.read(self._in, 1 << 20)
        if not part:
            raise RuntimeError("the browser has ended")
        *messages, self._received = (self._received + part).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self._answers[message["id"]] = message
            else:
                self._heed(message["method"], message["params"])

    def _heed(self, event: str, told: dict) -> None:
        """Notes what happens in the page, its workers and the browser."""
        if event == "Target.attachedToTarget":
            session, target = told["sessionId"], told["targetInfo"]
            if not target["url"].startswith("chrome:"):  # what is its own has pages too
                self._sessions.setdefault(target["type"], session)
                for domain in ("Network", "Runtime", "Log"):
                    self._send(f"{domain}.enable", {}, session)
            self._send("Runtime.runIfWaitingForDebugger", {}, session)
        elif event == "Network.requestWillBeSent":
            self.requested.append(told["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(told["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled" and told["type"] in {"error", "warning", "assert"}:
            self.complaints.append(json.dumps(told["args"]))
        elif event == "Log.entryAdded" and told["entry"]["level"] in {"error", "warning"}:
            self.complaints.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves as ``python -m http.server`` does, and notes what it sends."""

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""

    def copyfile(self, source, outputfile) -> None:
        """Sends a file."""
        content = source.read()
        self.server.sent.append((self.path, len(content)))
        outputfile.write(content)


class Server:
    """Serves a folder at ``url``; ``sent`` has the path and the bytes of each file that it sent."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        handler = functools.partial(_Handler, directory=str(folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.sent = self.sent = []
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Ends it. Nothing listens at its port then."""
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Serves a folder for the time of a block."""
    server = Server(folder)
    try:
        yield server
    finally:
        server.stop()
