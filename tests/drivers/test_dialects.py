"""The same checks over every dialect: nothing here knows a make, except the replies it is given."""

import re
from pathlib import Path

import pytest

from drivers import dialects
from drivers.dialects import Dialect

ALL = [pytest.param(dialect, id=name) for name, dialect in dialects.catalogue().items()]

# What each make answers to *IDN?, in the form its manual gives.
IDENTITIES = {
    "Keysight Technologies,E36312A,MY55001234,1.0.4-1.0.0-1.00": "keysight_e36300",
    "Keysight Technologies,E36103B,MY59001234,1.0.2": "keysight_e36100",
    "RIGOL TECHNOLOGIES,DP832A,DP8B153600499,00.01.14": "rigol_dp800",
    "Siglent Technologies,SPD3303X-E,SPD3EGFQ6R4567,1.01.01.02.05,V3.0": "siglent_spd3303x",
    "ROHDE&SCHWARZ,HMP4040,103000,HW50020001/SW2.51": "rs_hmp",
    "Rohde&Schwarz,NGE103B,5601.3800k03/100000,1.54": "rs_nge_hmc",
    "THURLBY THANDAR, QL355TP, 279730, 1.00 - 1.00": "aim_tti",
    "B&K Precision,9130,800278011706810019,1.09-1.04": "bk_9130",
}

# Replies from the tables of the makes, and what they mean.
ON_OFF = {
    "keysight_e36300": ("1", "0"),
    "keysight_e36100": ("1", "0"),
    "rigol_dp800": ("ON", "OFF"),
    "siglent_spd3303x": ("0x0214", "0x0224"),
    "rs_hmp": ("1", "0"),
    "rs_nge_hmc": ("1", "0"),
    "aim_tti": ("1", "0"),
    "bk_9130": ("1", "0"),
}
NO_ERROR = {
    "keysight_e36300": '+0,"No error"',
    "keysight_e36100": '+0,"No error"',
    "rigol_dp800": '0,"No error"',
    "siglent_spd3303x": "0  No Error",
    "rs_hmp": '0,"No error"',
    "rs_nge_hmc": '0,"No error"',
    "aim_tti": "0",
    "bk_9130": "0,'No error'",
}


@pytest.mark.parametrize("dialect", ALL)
def test_every_command_can_be_filled_in_and_is_one_line(dialect: Dialect) -> None:
    values = {"v": 3.3, "i": 0.5, "t": 0.1}
    needs = [name for name in Dialect.model_fields if isinstance(getattr(dialect, name), str)]
    commands = [
        dialect.render(name, 2, **values)
        for name in needs
        if name not in ("name", "title", "idn", "address", "sure", "write_end", "read_end")
        and name not in ("number", "ocp_model", "error_model")
    ]
    assert len(commands) >= 7
    for command in commands:
        assert command
        assert command == command.strip()
        assert "{" not in command
        assert "}" not in command
        assert command.isascii()


@pytest.mark.parametrize("dialect", ALL)
def test_settings_carry_their_value_and_their_channel(dialect: Dialect) -> None:
    commands = [dialect.render("set_voltage", 2, v=3.3), dialect.render("set_current", 2, i=0.25)]
    for command, value in zip(commands, ("3.3000", "0.2500"), strict=True):
        assert command is not None
        assert value in command
        selected = dialect.render("select", 2)
        if dialect.address != "none":
            assert "2" in (selected or command.replace(value, ""))


@pytest.mark.parametrize("dialect", ALL)
def test_on_and_off_are_different_commands_and_are_told_apart_when_read_back(
    dialect: Dialect,
) -> None:
    on, off = ON_OFF[dialect.name]
    assert dialect.render("output_on", 1) != dialect.render("output_off", 1)
    assert dialect.read_on(on, 1) is True
    assert dialect.read_on(off, 1) is False
    for nonsense in ("", "maybe", "2", "1,1"):
        if dialect.output_query:
            with pytest.raises(ValueError, match="neither on nor off"):
                dialect.read_on(nonsense, 1)


@pytest.mark.parametrize("dialect", ALL)
def test_no_error_is_told_from_an_error(dialect: Dialect) -> None:
    assert dialect.read_error(NO_ERROR[dialect.name]) is None
    assert dialect.read_error('-113,"Undefined header"') == '-113,"Undefined header"'
    assert dialect.read_error("101") == "101"
    assert dialect.read_error("what?") == "what?"


@pytest.mark.parametrize(
    ("name", "reply", "value"),
    [
        ("keysight_e36300", "+1.23450000E-02", 0.012345),
        ("keysight_e36300", "3.30000000E+00", 3.3),
        ("rigol_dp800", "3.3000", 3.3),
        ("siglent_spd3303x", "0.012", 0.012),
        ("aim_tti", "3.300V", 3.3),
        ("aim_tti", "0.0123A", 0.0123),
        ("bk_9130", "5", 5.0),
    ],
)
def test_a_measurement_is_read(name: str, reply: str, value: float) -> None:
    assert dialects.by_name(name).read_number(reply) == pytest.approx(value)


@pytest.mark.parametrize("reply", ["", "abc", "1.2.3", "3.3V;1", "nan", "1,2"])
@pytest.mark.parametrize("dialect", ALL)
def test_what_is_no_number_is_refused(dialect: Dialect, reply: str) -> None:
    with pytest.raises(ValueError):
        dialect.read_number(reply)


@pytest.mark.parametrize(("idn", "name"), IDENTITIES.items())
def test_an_instrument_is_recognised_by_one_dialect_only(idn: str, name: str) -> None:
    found = dialects.by_identity(idn)
    assert found is not None
    assert found.name == name
    fitting = [d.name for d in dialects.catalogue().values() if re.search(d.idn, idn)]
    assert fitting == [name]


def test_every_dialect_is_checked_here() -> None:
    names = set(dialects.catalogue())
    assert names == set(IDENTITIES.values()) == set(ON_OFF) == set(NO_ERROR)


def test_a_siglent_status_word_tells_the_channels_apart() -> None:
    siglent = dialects.by_name("siglent_spd3303x")
    # Channel 2 on and limiting, channel 1 on and holding its voltage: bits 5, 4 and 1.
    assert siglent.read_regulation("0x0036", 1) == "CV"
    assert siglent.read_regulation("0x0036", 2) == "CC"
    assert siglent.read_regulation("0x0006", 2) == "off"
    with pytest.raises(ValueError, match="channel 3 has no bit"):
        siglent.read_on("0x0036", 3)


def test_limit_events_of_an_aim_tti_are_read() -> None:
    tti = dialects.by_name("aim_tti")
    assert tti.read_limit_events("0") == (set(), None)
    assert tti.read_limit_events("1") == (set(), "CV")
    assert tti.read_limit_events("2") == (set(), "CC")
    assert tti.read_limit_events("12") == ({"ovp", "ocp"}, None)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ('set_voltage = "VOLT {volts}"', "mine.set_voltage: .*unknown place"),
        ('measure_voltage = "MEAS:VOLT"', "mine.measure_voltage: .*asks nothing"),
        ('idn = "("', "mine.idn: .*not a regular expression"),
        ('sure = "D"', "mine.sure"),
        ('colour = "grey"', "mine.colour: .*not permitted"),
        ('address = "select"', "mine: .*needs the command select"),
        ('output_query = "OUTP"', "mine.output_query: .*asks nothing"),
        ('ocp_model = "level"', "mine: .*needs ocp_level"),
    ],
)
def test_a_wrong_table_is_refused_with_its_file_and_key(
    tmp_path: Path, change: str, complaint: str
) -> None:
    good = {
        "title": '"Mine"',
        "idn": '"MINE"',
        "address": '"none"',
        "sure": '"C"',
        "set_voltage": '"VOLT {v}"',
        "set_current": '"CURR {i}"',
        "measure_voltage": '"MEAS:VOLT?"',
        "measure_current": '"MEAS:CURR?"',
        "output_on": '"OUTP ON"',
        "output_off": '"OUTP OFF"',
        "output_query": '"OUTP?"',
        "ocp_model": '"none"',
        "error_model": '"none"',
    }
    path = tmp_path / "own.toml"
    path.write_text("[mine]\n" + "\n".join(f"{k} = {v}" for k, v in good.items()))
    assert set(dialects.load(path)) == {"mine"}
    key, value = change.split(" = ", 1)
    path.write_text("[mine]\n" + "\n".join(f"{k} = {v}" for k, v in {**good, key: value}.items()))
    with pytest.raises(ValueError, match=rf"own\.toml: {complaint}"):
        dialects.load(path)
