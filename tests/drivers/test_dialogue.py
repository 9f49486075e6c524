"""Dialogues: what a lab engineer writes, and what is said when it is wrong."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from drivers.dialogue import Action, Dialogue, fill_in
from lab.config import ConfigError, validated


def load(text: str) -> Dialogue:
    return Dialogue.model_validate(tomllib.loads(text)["console"])


def test_a_dialogue_as_a_lab_writes_it() -> None:
    dialogue = load(
        r"""
        [console]
        prompt = 'DUT>'
        line_end = "\r\n"
        echo = true
        ready = "booted"
        secrets = ['key: ([0-9A-F ]+)']
        [console.events]
        booted = 'Meter version (?P<version>\S+)'
        [console.actions.join]
        send = 'network join {channel} 0 0x{pan:04X}'
        expect = '(?P<result>joined|no network)'
        timeout_s = 30
        [console.actions.read]
        send = ['zcl global read {cluster} {attribute}', 'send {node:0x} 1 1']
        """
    )
    assert dialogue.actions["join"].parameters == {"channel", "pan"}
    assert dialogue.actions["read"].parameters == {"cluster", "attribute", "node"}
    assert dialogue.line_end == "\r\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("promt = 'x'", "dut.toml: console.promt: unknown key; did you mean 'prompt'?"),
        ("prompt = '('", "dut.toml: console.prompt: '(' is not a regular expression"),
        ("prompt = '.*'", "dut.toml: console.prompt: '.*' fits the empty text"),
        ("ready = 'up'", "dut.toml: console: ready names the event 'up'"),
        ("line_end = 'x'", "dut.toml: console.line_end: "),
        ("[console.actions.go]\nsend = 'go {'", "dut.toml: console.actions.go.send[0]: 'go {'"),
        (
            "[console.actions.go]\nsend = ['a', '{x:brce}']",
            "dut.toml: console.actions.go.send[1]: '{x:brce}': no format 'brce', but there are dec",
        ),
        ("[console.actions.go]", "dut.toml: console.actions.go: neither send nor expect"),
        (
            "[console.actions.go]\nsend = ['a', 'b']",
            "dut.toml: console: actions.go types several lines, and nothing ends an answer",
        ),
        (
            "[console.actions.go]\nsend = 'a'\nuntil = 'match'",
            "dut.toml: console.actions.go: until 'match' needs expect",
        ),
        ("[console.actions.go]\nsend = 'a'\ntimeout_s = -1", "console.actions.go.timeout_s: "),
    ],
)
def test_what_is_wrong_is_one_line_with_file_and_key(text: str, complaint: str) -> None:
    data = tomllib.loads("[console]\n" + text)
    with pytest.raises(ConfigError) as caught:
        validated(data, DutFile, Path("dut.toml"))
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


class DutFile(BaseModel):
    """As much of a DUT file as is asked about here."""

    console: Dialogue


EUI64 = 0x000D6F0001020304


@pytest.mark.parametrize(
    ("template", "value", "typed"),
    [
        ("{x}", 11, "11"),
        ("{x:dec}", 0x0B, "11"),
        ("{x:04X}", 0xABC, "0ABC"),
        ("{x:0x}", 0xABC, "0xABC"),
        ("{x:hex}", 0xABC, "ABC"),
        ("{x:hex}", b"\x0b\xcd", "0BCD"),
        ("{x}", b"\x0b\xcd", "0BCD"),
        ("{x:brace}", EUI64, "{00 0D 6F 00 01 02 03 04}"),
        ("{x:brace}", "00:0d:6f:00:01:02:03:04", "{00 0D 6F 00 01 02 03 04}"),
        ("{x:brace}", b"\x01\x02", "{01 02}"),
        ("{x:brace_le}", EUI64, "{04 03 02 01 00 6F 0D 00}"),
        ("{x:plain}", EUI64, "000D6F0001020304"),
        ("{x:plain_le}", EUI64, "04030201006F0D00"),
        ("{x:colons}", EUI64, "00:0d:6f:00:01:02:03:04"),
        ("{x:quoted}", 'say "hi"', r'"say \"hi\""'),
        ("{x:on_off}", True, "on"),
        ("{x:bit}", False, "0"),
        ("{x:date_time}", 0, "01-01-2000/00:00:00"),
        ("{x:date_time}", 86_400 + 3_661, "01-02-2000/01:01:01"),
        ("{{{x}}}", 1, "{1}"),
    ],
)
def test_parameters_take_the_form_of_the_device(template: str, value: Any, typed: str) -> None:
    Action.model_validate({"send": template})
    assert fill_in(template, {"x": value}) == typed


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{x:brace}", "no hexadecimal"),
        ("{x:04X}", "text"),
        ("{x:dec}", "text"),
        ("{x}", "one\rtwo"),
        ("{x}", "one\ntwo"),
        ("{x}", "\x1b[2J"),
        ("{x}", "ünprintable"),
        ("{x:brace}", 1 << 64),
        ("{y}", 1),
    ],
)
def test_what_cannot_be_typed_is_refused(template: str, value: Any) -> None:
    with pytest.raises(ValueError):
        fill_in(template, {"x": value})


@given(st.text())
def test_no_parameter_types_a_second_line(value: str) -> None:
    try:
        typed = fill_in("message {text:quoted}", {"text": value})
    except ValueError:
        return
    assert len(typed.splitlines()) == 1


def test_secrets_are_masked_and_nothing_else() -> None:
    dialogue = Dialogue(secrets=[r"key: ([0-9A-F]+) / ([0-9A-F]+)", r"PIN \d+"])
    assert dialogue.masked("the key: 0A0B / 0C0D (2)") == "the key: [masked] / [masked] (2)"
    assert dialogue.masked("PIN 1234 taken") == "[masked] taken"
    assert dialogue.masked("key: none") == "key: none"
