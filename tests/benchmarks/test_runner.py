"""The runner of the benchmarks: what it lists, what it refuses, and its last line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks import __main__ as runner


def example(frames: int | None = None, seed: int = 1, name: str = "") -> dict[str, Any]:
    """An example."""
    return {"frames": frames, "seed": seed, "name": name}


def test_every_benchmark_is_listed_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(runner.find())
    assert "spinel" in runner.find()
    assert all(len(line.split()) > 2 for line in lines)


def test_the_last_line_is_one_json_object(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runner, "find", lambda: {"example": example})
    assert runner.main(["example", "--frames", "5", "--seed=0x", "--name", "n"]) == 2
    assert "seed" in capsys.readouterr().err
    assert runner.main(["example", "--frames", "5", "--name=n"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert json.loads(last) == {"frames": 5, "seed": 1, "name": "n"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing"], "no benchmark 'nothing'; there are: example"),
        (["example", "--speed", "3"], "no option --speed; this benchmark has --frames"),
        (["example", "--seed"], "--seed lacks its value"),
        (["example", "--frames", "many"], "'many' is no int"),
    ],
)
def test_arguments_that_make_no_sense_are_told(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.setattr(runner, "find", lambda: {"example": example})
    assert runner.main(arguments) == runner.USAGE_ERROR
    assert told in capsys.readouterr().err
