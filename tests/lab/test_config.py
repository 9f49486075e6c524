"""Every fault of a configuration file is one line with file, key and remedy."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from lab import bench as benches
from lab import dut as duts
from lab.bench import BenchFile
from lab.config import ConfigError, find_file, load_toml
from lab.dut import DutFile
from lab.virtual.bench import DEVICES

BENCH = 'name = "b"\n[radio]\nurl = "/dev/ttyACM0"\n'


def error_of(tmp_path: Path, text: str, model: type[BenchFile] | type[DutFile]) -> ConfigError:
    path = tmp_path / "given.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_toml(path, model)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        (BENCH + "baudrat = 9600\n", "radio.baudrat", "did you mean 'baudrate'?"),
        (BENCH + "[sniffr]\n", "sniffr", "did you mean 'sniffer'?"),
        ('[radio]\nurl = "x"\n', "name", "missing"),
        (BENCH + 'baudrate = "fast"\n', "radio.baudrate", "not 'fast'"),
        (BENCH + "channel = 27\n", "radio.channel", "not 27"),
        ('name = "b"\n[radio]\n', "", "[radio] has no url"),
        ('name = "b"\n[supply]\n', "", "[supply] has no resource"),
        (BENCH + "[virtual]\n", "", "[radio] has a url"),
        ("name = \n", "", "is not TOML"),
    ],
)
def test_bench_files(tmp_path: Path, text: str, key: str, says: str) -> None:
    error = error_of(tmp_path, text, BenchFile)
    assert error.key == key
    assert says in str(error)


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        ("[pics]\nPRI-Z = true\n", "pics", "unknown PICS item 'PRI-Z'; nearest known: PRI-"),
        ("[pics]\nPRI-C = 7\n", "pics.PRI-C", "not 7"),
        ('[identity]\neui64 = "12"\n', "identity.eui64", ""),
        ('[identity]\ninstall_code = "83FED3407A930000"\n', "identity.install_code", ""),
        ("[supply]\nvoltage = 3.3\ncurrent_limit = 1\novp = 3.0\n", "supply", "not above"),
        ("[supply]\nvoltage = 3.3\ncurrent_limit = 1\n", "supply.ovp", "missing"),
        ("[console.events]\nboot = '('\n", "console.events.boot", "not a regular expression"),
        ("[console.actions.join]\nsnd = 'x'\n", "console.actions.join.snd", "'send'"),
    ],
)
def test_dut_files(tmp_path: Path, text: str, key: str, says: str) -> None:
    error = error_of(tmp_path, f'name = "d"\n{text}', DutFile)
    assert error.key == key
    assert says in str(error)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no\.toml: no such bench file"):
        find_file(str(tmp_path / "no.toml"), benches.FOLDER, "bench")
    with pytest.raises(ConfigError, match=r"did you mean 'virtual'\? give a file, or one of"):
        find_file("virtua", benches.FOLDER, "bench")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_toml(tmp_path / "no.toml", BenchFile)


def test_no_pics_table_is_not_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "d.toml"
    path.write_text('name = "d"\n')
    assert load_toml(path, DutFile).pics is None
    path.write_text('name = "d"\n[pics]\n')
    assert load_toml(path, DutFile).pics == {}


def test_the_files_of_the_project_are_sound() -> None:
    for path in benches.FOLDER.glob("*.toml"):
        load_toml(path, BenchFile)
    for path in duts.FOLDER.glob("*.toml"):
        load_toml(path, DutFile)


def test_roles_follow_from_the_pics() -> None:
    claims = {"DT-PCT": True, "NR-SED": True, "DT-IPD": False}
    assert set(DutFile(name="d", pics=claims).roles) == {"all", "pct", "sleepy", "joiner"}
    claims = {"DT-ESI": True, "NR-ZC": True}
    assert "joiner" not in DutFile(name="d", pics=claims).roles


def test_capabilities_are_the_parts_that_are_named() -> None:
    file = BenchFile.model_validate(
        {
            "name": "b",
            "radio": {"url": "/dev/ttyACM0"},
            "supply": {"resource": "TCPIP::h::5025::SOCKET", "trace": True},
        }
    )
    assert file.capabilities == {"radio", "supply", "supply.trace"}


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text)
    return folder / "mine.toml"


def test_a_dut_file_takes_from_its_base_what_it_does_not_give(tmp_path: Path) -> None:
    first = 'name = "first"\n[timing]\nboot = 1\njoin = 2\n[pics]\nNR-ZR = true\nDT-IPD = true\n'
    second = 'name = "second"\nbase = "first"\n[timing]\njoin = 3\n'
    third = 'name = "third"\nbase = "second.toml"\n[pics]\nDT-IPD = false\n'
    file = duts.load(written(tmp_path, first=first, second=second, mine=third))
    assert (file.name, file.timing.boot, file.timing.join) == ("third", 1, 3)
    assert file.pics == {"NR-ZR": True, "DT-IPD": False}


@pytest.mark.parametrize(
    ("mine", "other", "at", "key", "says"),
    [
        ('base = "other"', 'base = "mine"', "other", "base", "'mine' takes from this file"),
        ('base = "mine"', "", "mine", "base", "'mine' takes from this file"),
        ('base = "other"', "[timing]\nbot = 1", "other", "timing.bot", "did you mean 'boot'?"),
        ("base = 7", "", "mine", "base", "not 7"),
        ('[virtual]\nsimulated = "disply"', "", "mine", "virtual.simulated", "'display', 'esi'"),
        ('[virtual]\nsimulate = "display"', "", "mine", "virtual.simulate", "'simulated'"),
    ],
)
def test_faults_of_bases_and_simulated_devices(
    tmp_path: Path, mine: str, other: str, at: str, key: str, says: str
) -> None:
    path = written(tmp_path, mine=f'name = "m"\n{mine}', other=f'name = "o"\n{other}')
    with pytest.raises(ConfigError) as caught:
        duts.load(path)
    assert Path(caught.value.file).stem == at
    assert caught.value.key == key
    assert says in str(caught.value)


def test_a_base_is_looked_for_among_the_dut_files_too(tmp_path: Path) -> None:
    assert duts.load(written(tmp_path, mine='name = "m"\nbase = "ipd"')).console is not None
    with pytest.raises(ConfigError, match="no DUT of the name 'ipdd'"):
        duts.load(written(tmp_path, mine='name = "m"\nbase = "ipdd"'))


def test_every_name_of_a_simulated_device_has_its_class() -> None:
    assert set(DEVICES) == set(get_args(duts.Simulated))
