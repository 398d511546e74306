"""``s2s plugins check`` says of each promise whether a component keeps it, and ends with 1 if it doesn't."""

import json
import re
import sys

import pytest

from s2s_core.testing import promises
from s2s_core.version import __version__

PLUGIN = """
import attrs
import torch
from torch import nn

from s2s_core import Decoder, Encoder, Memory, Output, bridge, padding_mask, setting


@hookimpl
def s2s_encoders():
    return {"both": Reads, "excused": Excused, "overexcused": Overexcused, "misexcused": Misexcused, "raising": Raising,
            "talkative": Talkative}


@hookimpl
def s2s_decoders():
    return {"both": Writes}


@attrs.frozen
class Settings:
    size: int = setting(64, "width")
    leaky: bool = setting(default=False, help="whether padding leaks into the summary")


class Reads(Encoder):
    api_version = 1
    Config = Settings
    small = {"size": 3}
    made = []

    def __init__(self, config, input_size):
        super().__init__(config, input_size)
        self.made.append(config.size)
        self.states_size = self.summary_size = config.size
        self.layer = nn.Linear(input_size, config.size)

    def forward(self, inputs, lengths):
        mask = padding_mask(lengths, inputs.shape[1])
        states = self.layer(inputs).tanh()
        real = states if self.config.leaky else torch.where(mask[:, :, None], states, 0.0)
        return Memory(states, mask, real.sum(1))


class Leaky(Reads):
    small = {"size": 3, "leaky": True}


class Excused(Leaky):
    api_version = 1
    exempt = {"padding": "it was never meant for rows of different lengths"}


class Overexcused(Reads):
    api_version = 1
    exempt = {"padding": "who knows"}


class Misexcused(Leaky):
    api_version = 1
    exempt = {"pading": "a slip"}


class Talkative(Reads):
    api_version = 1

    def __init__(self, config, input_size):
        super().__init__(config, input_size)
        print("hello")


class Raising(Reads):
    api_version = 1

    def forward(self, inputs, lengths):
        raise ValueError("no\\nmoon")


class Writes(Decoder):
    api_version = 1

    def __init__(self, config, input_size, memory):
        super().__init__(config, input_size, memory)
        self.output_size = 4
        self.bridge, self.cell = bridge(memory.summary, 4), nn.GRUCell(input_size, 4)

    def start(self, memory):
        return self.bridge(memory.summary)

    def step(self, inputs, state):
        state = self.cell(inputs, state)
        return Output(state), state
"""


@pytest.fixture
def checked(install):
    """Installs the plugin above."""
    install("s2s_checked", PLUGIN)


def said(text):
    """Returns what was printed, without how long it took."""
    return re.sub(r", \d+\.\d s$", "", text, flags=re.MULTILINE)


def test_what_keeps_its_promises_ends_with_0(s2s):
    """In a process of its own: a line for each promise, and a sum."""
    ended = s2s("plugins", "check", "exact_match")
    names = [promise.name for promise in promises("metric")]
    expected = [f"metric exact_match, of s2s-toolkit {__version__}", *(f"kept    {name}" for name in names)]
    count = len(names)
    expected.append(f"{count} promises: {count} kept, 0 exempt, 0 broken")
    assert (0, expected, "") == (ended.code, said(ended.out).splitlines(), ended.err)


def test_every_kind_of_a_name_is_checked(here, checked):
    """Each with the promises of its kind; those that a kind doesn't make are left out."""
    ended = here("plugins", "check", "both", "--promise", "shapes", "--promise", "state")
    assert (
        0,
        (
            "encoder both, of s2s-checked 1.2\nkept    shapes\n1 promise: 1 kept, 0 exempt, 0 broken\n"
            "decoder both, of s2s-checked 1.2\nkept    shapes\nkept    state\n2 promises: 2 kept, 0 exempt, 0 broken\n"
        ),
    ) == (ended.code, said(ended.out))
    assert "encoder" not in here("plugins", "check", "both", "--promise", "state").out


def test_one_kind_may_be_chosen(here, checked):
    """And one promise of it."""
    ended = here("plugins", "check", "both", "--kind", "decoder", "--promise", "seed")
    assert "decoder both, of s2s-checked 1.2\nkept    seed\n1 promise: 1 kept, 0 exempt, 0 broken\n" == said(ended.out)


def test_a_broken_promise_ends_with_1(here, checked):
    """It says what was promised, what was found on which input, what to do, and where the promise is documented."""
    ended = here("plugins", "check", "both", "--promise", "padding", "--set", "encoder.leaky=true")
    assert (1, "") == (ended.code, ended.err)
    heading, broken, statement, found, advice, place, total, *decoder = said(ended.out).splitlines()
    assert "encoder both, of s2s-checked 1.2" == heading
    assert "broken  padding" == broken
    promise = next(promise for promise in promises("encoder") if promise.name == "padding")
    assert f"        encoder 'both' breaks padding: {promise.statement}" == statement
    assert found.startswith("          found: with large numbers past the lengths [")
    assert "          " + " ".join(promise.details.split()) == advice
    assert "          see docs/conformance.md#encoder-padding" == place
    assert "1 promise: 0 kept, 0 exempt, 1 broken" == total
    assert "1 promise: 1 kept, 0 exempt, 0 broken" == decoder[-1]


def test_an_error_of_a_component_breaks_a_promise(here, checked):
    """Without a traceback, and the other promises are examined as well."""
    ended = here("plugins", "check", "raising", "--promise", "shapes", "--promise", "lengths", "--promise", "seed")
    assert (1, "") == (ended.code, ended.err)
    assert "found: it raises ValueError: no\n" in ended.out
    assert "\n3 promises: 1 kept, 0 exempt, 2 broken\n" in ended.out


def test_an_exempt_promise_is_told_with_its_reason(here, checked):
    """It isn't broken."""
    ended = here("plugins", "check", "excused", "--promise", "padding", "--promise", "shapes")
    assert (
        0,
        (
            "encoder excused, of s2s-checked 1.2\nkept    shapes\nexempt  padding\n"
            "        it was never meant for rows of different lengths\n2 promises: 1 kept, 1 exempt, 0 broken\n"
        ),
    ) == (ended.code, said(ended.out))


def test_an_exempt_promise_that_is_kept_is_broken(here, checked):
    """So that no exemption outlives its reason."""
    ended = here("plugins", "check", "overexcused", "--promise", "padding")
    assert ended.code == 1
    assert "encoder 'overexcused' keeps padding: take it out of its exempt promises\n" in ended.out


def test_an_exemption_from_no_promise_is_refused(here, checked):
    """The closest promise is named."""
    expected = (
        "encoder 'misexcused' is exempt from 'pading', which is not a promise (did you mean 'padding'?); there are: "
    )
    assert here("plugins", "check", "misexcused").error().startswith(expected)


def test_the_report_is_json_for_programs(here, checked):
    """All that the text says, and the exit code is the same."""
    arguments = ("plugins", "check", "both", "--promise", "padding", "--set", "encoder.leaky=true", "--json")
    ended = here(*arguments)
    encoder, decoder = json.loads(ended.out)
    assert 1 == ended.code
    (found,) = encoder.pop("promises")
    origin = {"plugin": "s2s_checked", "distribution": "s2s-checked", "version": "1.2"}
    assert {"kind": "encoder", "name": "both"} | origin == encoder
    assert ("padding", "broken") == (found["name"], found["outcome"])
    assert found["message"].startswith(f"encoder 'both' breaks padding: {found['statement']}\n  found: ")
    assert found["seconds"] >= 0
    assert [("padding", "kept", "")] == [
        (found["name"], found["outcome"], found["message"]) for found in decoder["promises"]
    ]
    assert 0 == here(*arguments[:-3], "--json").code


def test_what_a_component_prints_is_no_part_of_the_json(here, checked):
    """It goes to standard error."""
    ended = here("plugins", "check", "talkative", "--promise", "seed", "--json")
    assert ["kept"] == [found["outcome"] for found in json.loads(ended.out)[0]["promises"]]
    assert "hello\nhello\n" == ended.err


def test_small_settings_are_taken_but_for_those_that_are_set(here, checked):
    """Nobody waits for a model of default size."""
    arguments = ("plugins", "check", "both", "--kind", "encoder", "--promise", "shapes")
    here(*arguments)
    made = sys.modules["s2s_checked"].Reads.made
    assert {3} == set(made)
    made.clear()
    here(*arguments, "--set", "encoder.size=5")
    assert {5} == set(made)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bot"], "no component is called 'bot' (did you mean 'both'?); there are: "),
        (["both", "--kind", "task"], "no task is called 'both'; there are: "),
        (["both", "--promise", "stats"], "there is no promise 'stats' (did you mean 'state'?); there are: "),
        (["both", "--set", "encoder.sise=1"], "unknown setting encoder.sise (did you mean 'size'?); encoder has: "),
        (["both", "--set", "encoder.size=big"], "encoder.size must be a whole number (got 'big')"),
        (
            ["both", "--set", "encoder.size=1", "--set", "training.steps=3"],
            "--set takes a setting of both, as encoder.NAME=VALUE or decoder.NAME=VALUE (got 'training.steps=3')",
        ),
        (["both", "--set", "encoder.name=gru"], "--set can't make both another component (got 'encoder.name=gru')"),
        (["both", "--kind", "encoder", "--set", "decoder.size=1"], "--set takes a setting of both, as encoder.NAME="),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_does_not_exist_is_refused(here, checked, arguments, message):
    """With what exists, and nothing is examined."""
    ended = here("plugins", "check", *arguments)
    assert ended.error().startswith(message)
    assert "" == ended.out


def test_a_kind_that_does_not_exist_is_a_wrong_use(here, checked):
    """As click says it."""
    assert 2 == here("plugins", "check", "both", "--kind", "cell").code


def test_a_name_that_two_plugins_claim_is_refused(here, install):
    """With the way to have one of them; so it is by show."""
    for name in ("s2s_checked_one", "s2s_checked_other"):
        install(name, "@hookimpl\ndef s2s_tasks():\n    return {'mine': int}\n")
    for command in ("check", "show"):
        message = here("plugins", command, "mine").error()
        assert "is also claimed by s2s_checked_other (s2s-checked-other 1.2)" in message
        assert "disable one with S2S_DISABLE_PLUGINS=s2s_checked_one" in message


def test_an_unknown_name_tells_which_plugins_are_missing(here, install):
    """They may have it; so it is by show."""
    install("s2s_checked_broken", "raise RuntimeError('no moon')")
    for command in ("check", "show"):
        ended = here("plugins", command, "mine")
        assert 1 == ended.code
        assert "\n  plugin s2s_checked_broken (s2s-checked-broken 1.2): RuntimeError: no moon; to dis" in ended.err
