"""A page by ``s2s export --web`` answers in a real browser as the file does in Python, also without a network."""

import json
import os
import random
import shutil
import subprocess

import pytest
from chromium import Chromium, Server, program

from s2s_core import load, web_page
from s2s_core.pipeline.onnxruntime_web import PACKAGE

UNREACHABLE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ETIMEDOUT", "ERR_SOCKET_TIMEOUT")

READY = "document.querySelector('#answer')?.disabled === false"
KEPT = "navigator.serviceWorker.ready.then(() => true)"
LOADED = "document.querySelector('#problem')?.textContent || " + READY

STRANGE = [
    "",
    " ",
    "\t a  b ",
    "a\0b",
    "<b>bold</b> <script>alert(1)</script> &amp; &lt;",
    "\N{SLIGHTLY SMILING FACE}a",
    "\N{WOMAN}\u200d\N{PERSONAL COMPUTER}\N{WAVING BLACK FLAG}\ufe0f",
    "\u05e9\u05dc\u05d5\u05dd abc",
    "\u65e5\u672c\u8a9e",
    "a\u0308 b\u00e4c \u00e9t\u00e9",
    "\ufeffabc\u2028cab\x0b\x0c\x7f",
    "it's 12 o\u2019clock \u2026 abc, cab  ab!",
    "\U0010ffff\ue000\ufffd",
    "__proto__",
    "cab" * 1000,
]

SHOWN = """JSON.stringify([...document.querySelectorAll("#answers > li")].map((card) => ({
  source: card.querySelector(".source").textContent,
  target: card.querySelector(".target").textContent,
  hypotheses: [...card.querySelectorAll(".hypothesis")].map((cell) => cell.textContent),
  scores: [...card.querySelectorAll(".score")].map((shown) => shown.value),
  confidence: card.querySelector(".confidence")?.value,
  origin: card.querySelector(".tag")?.textContent,
  given: card.querySelector(".given")?.value,
})))"""


def texts(count, longest):
    """Returns random texts, none of which has a line end."""
    chance = random.Random(0)
    letters = "abcab cab abc defgh \u00e4xyz1\N{SNOWMAN}\u65e5'-"
    return ["".join(chance.choices(letters, k=chance.randint(1, longest))) for _ in range(count)]


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """ONNX Runtime's package for browsers."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm")
    folder = tmp_path_factory.mktemp("package")
    command = [npm, "pack", PACKAGE, "--prefer-offline", "--ignore-scripts", "--fetch-retries=1"]
    environment = os.environ | {"NPM_CONFIG_UPDATE_NOTIFIER": "false"}
    done = subprocess.run(command, check=False, cwd=folder, env=environment, capture_output=True, encoding="utf-8")
    if any(reason in done.stderr for reason in UNREACHABLE):
        pytest.skip("npm can't reach its registry")
    assert done.returncode == 0, done.stderr
    (tarball,) = folder.iterdir()
    yield tarball
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser. What it asks for and complains about is only of the test that uses it."""
    if program() is None:
        pytest.skip("there is no chromium, such as of Debian's package of that name")
    chromium = Chromium(tmp_path_factory.mktemp("profile"))
    yield chromium
    chromium.close()


@pytest.fixture(autouse=True)
def forget(request):
    """Forgets what the tests before it saw in the browser."""
    if "browser" in request.fixturenames:
        seen = request.getfixturevalue("browser")
        seen.requested.clear()
        seen.complaints.clear()


@pytest.fixture
def serve():
    """Serves folders until the test ends."""
    servers = []

    def start(folder, port=0):
        servers.append(Server(folder, port))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def visit(browser, serve, package, tmp_path):
    """Makes the page of a file, serves it and opens it, and returns the server."""

    def opened(path):
        web_page(path, tmp_path / "site", package)
        server = serve(tmp_path / "site")
        browser.open(server.url, LOADED)
        assert browser.evaluate(READY), browser.evaluate("document.querySelector('#problem').textContent")
        return server

    return opened


def asked(browser, lines):
    """Returns what the page shows for lines of text."""
    browser.evaluate(f"void (document.querySelector('#texts').value = {json.dumps(chr(10).join(lines))})")
    browser.evaluate("document.querySelector('#texts').focus()")
    browser.press("Enter")
    browser.wait(f"document.querySelectorAll('#answers > li').length === {len(lines)} && {READY}")
    return json.loads(browser.evaluate(SHOWN))


def put(browser, name, value):
    """Sets an input of the page."""
    browser.evaluate(f"document.getElementsByName({name!r})[0].value = {json.dumps(value)}")


def assert_same(shown, lines, answers, tolerance=1e-4):
    """Compares what a page shows with what Python answers."""
    assert [each["source"] for each in shown] == lines
    assert [each["target"] for each in shown] == answers.hypotheses[:, 0].tolist()
    for each, hypotheses, scores in zip(shown, answers.hypotheses, answers.scores, strict=True):
        count = max(1, sum(score > -float("inf") for score in scores))
        assert each["hypotheses"] == (hypotheses[:count].tolist() if count > 1 else [])
        assert [float(score) for score in each["scores"]] == pytest.approx(scores[:count].tolist(), abs=tolerance)
    if answers.confidence is not None:
        assert [float(each["confidence"]) for each in shown] == pytest.approx(
            answers.confidence.tolist(), abs=tolerance
        )
        assert [each["origin"] for each in shown] == [f"from the {origin}" for origin in answers.origin]


def test_the_page_answers_as_python_does_also_offline(browser, visit, exported_run):
    """200 texts; the page asks nobody but its server, for large files once, and no more when it's there no longer."""
    lines = [*STRANGE, *texts(200 - len(STRANGE), longest=25)]
    answers = load(exported_run.onnx_path).answers(lines)
    server = visit(exported_run.onnx_path)
    assert_same(asked(browser, lines), lines, answers)
    browser.wait(KEPT)
    large = [name for name, _ in server.sent if name in {"/model.onnx", "/onnxruntime-web.wasm.gzip"}]
    assert sorted(large) == ["/model.onnx", "/onnxruntime-web.wasm.gzip"]
    server.stop()
    sent = len(server.sent)
    for address in ("", "index.html", "?again#here"):
        browser.open("about:blank", "true")
        browser.open(server.url + address, LOADED)
        assert [each["target"] for each in asked(browser, lines)] == answers.hypotheses[:, 0].tolist()
    assert len(server.sent) == sent
    assert {url for url in browser.requested if not url.startswith(server.url)} <= {"about:blank"}
    assert browser.complaints == []


@pytest.mark.parametrize("name", ["telling_file", "sentences_file"])
def test_the_page_shows_all_that_a_file_tells(browser, visit, request, name):
    """Confidence and origin, also of sentences. Random weights enlarge what is rounded otherwise."""
    path = request.getfixturevalue(name)
    lines = ["", "abc, cab  ab!", "it's 12 \u65e5\u672c \N{SLIGHTLY SMILING FACE}", *texts(50, longest=8)]
    visit(path)
    assert_same(asked(browser, lines), lines, load(path).answers(lines), tolerance=5e-3)
    assert browser.complaints == []


def test_the_page_sets_required_inputs(browser, visit, telling_file):
    """Those that the file has no default for; without a number there, nothing is asked."""
    visit(telling_file)
    lines = ["cab", "abc", "\u65e5\u672c"]
    put(browser, "beam_size", 3)
    put(browser, "answer", "x")
    shown = asked(browser, lines)
    model = load(telling_file)
    assert_same(shown, lines, model.answers(lines, beam_size=3))
    assert [float(each["given"]) for each in shown] == pytest.approx(model.score(lines, ["x"] * 3).tolist(), abs=1e-4)
    put(browser, "beam_size", "")
    browser.press("Enter")
    assert browser.evaluate("form.checkValidity()") is False
    assert json.loads(browser.evaluate(SHOWN)) == shown


def test_the_page_needs_no_mouse_and_no_eyes(browser, visit, telling_file):
    """What it shows has roles and names, the focus goes from one control to the next, and Enter answers."""
    visit(telling_file)
    browser.type("cab")
    browser.press("Enter", shift=True)
    browser.type("abc")
    browser.press("Enter")
    browser.wait(f"document.querySelectorAll('#answers > li').length === 2 && {READY}")
    focused = []
    for _ in range(4):
        focused.append(browser.evaluate("document.activeElement.id || document.activeElement.name"))
        browser.press("Tab")
    assert focused == ["texts", "answer", "beam_size", "answer"]
    named = set(browser.accessible())
    expected = {
        ("RootWebArea", "telling"),
        ("heading", "telling"),
        ("textbox", "Your texts, one on each line"),
        ("button", "Answer"),
        ("group", "Search settings"),
        ("spinbutton", "Beam size"),
        ("textbox", "An answer to score"),
        ("list", "Answers"),
        ("button", "Copy"),
    }
    assert expected - named == set()


def test_a_new_export_replaces_the_page_that_is_kept(browser, visit, telling_file, sentences_file, package, tmp_path):
    """The next visit but one has it, and the old one's files are gone."""
    server = visit(telling_file)
    browser.wait(KEPT)
    before = browser.evaluate("caches.keys()")
    web_page(sentences_file, tmp_path / "site", package)
    browser.open(server.url, LOADED)
    browser.wait(f"caches.keys().then((names) => names.length === 1 && names[0] !== {json.dumps(before[0])})")
    browser.open(server.url, LOADED)
    assert browser.evaluate("document.title") == "sentences"
    assert_same(asked(browser, ["abc"]), ["abc"], load(sentences_file).answers(["abc"]))
    assert browser.complaints == []


def test_a_page_with_another_model_is_refused(browser, serve, telling_file, sentences_file, package, tmp_path):
    """Its file isn't the one that belongs to the page; the page says so and computes nothing."""
    web_page(telling_file, tmp_path / "site", package)
    shutil.copy(sentences_file, tmp_path / "site" / "model.onnx")
    browser.open(serve(tmp_path / "site").url, LOADED)
    problem = browser.evaluate("document.querySelector('#problem').textContent")
    assert problem.startswith("The model can't be loaded: model.onnx isn't the file that belongs to this page")
    assert not browser.evaluate(READY)


def test_export_makes_the_page_of_a_run(here, exported_run, package, tmp_path):
    """With the same file, whose name it has; nothing but the files that it needs."""
    options = ["--web", tmp_path / "site", "--onnxruntime-web", package, "--set", "decoding.beam_size=3"]
    ended = here("export", exported_run.folder, "-o", tmp_path / "beams.onnx", *options)
    assert ended.code == 0, ended
    assert ended.out.splitlines()[-1].startswith(f"web      {tmp_path / 'site'}, ")
    assert (tmp_path / "site" / "model.onnx").read_bytes() == (tmp_path / "beams.onnx").read_bytes()
    assert json.loads((tmp_path / "site" / "page.json").read_bytes())["name"] == "beams"
    assert sum(path.stat().st_size for path in (tmp_path / "site").iterdir()) < 8e6
