"""What the test authority issues, and the certificates that a bench file names."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from lab.__main__ import main
from lab.bench import BenchFile
from lab.commands.issuing import issued
from lab.config import ConfigError, load_toml
from lab.units.certificates import CertificatesPart, Wallet
from lab.units.credentials import ISSUER, authority
from lab.verdicts import Inconclusive
from zigbee.crypto.ecqv import CertificateAuthority, check, public_key
from zigbee.crypto.errors import CertificateError, CertificateFault
from zigbee.crypto.suite import SUITES, Suite
from zigbee.types import Eui64

DEVICE = Eui64.parse("000d6f0000000001")
OTHER = Eui64.parse("000d6f0000000002")
REFUSED = {
    "issuer": CertificateFault.ISSUER,
    "subject": CertificateFault.SUBJECT,
    "key_usage": CertificateFault.KEY_USAGE,
    "curve": CertificateFault.CURVE,
    "truncated": CertificateFault.LENGTH,
}


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: f"suite {suite.id}")
def test_the_right_certificate_fits_its_key_and_the_wrong_ones_are_wrong(suite: Suite) -> None:
    ca = CertificateAuthority.from_seed(suite, b"a test", ISSUER)
    found = {one.name: one for one in issued(DEVICE, suite, b"a test")}
    right = found["right"]
    check(right.certificate, issuer=ISSUER, sender=DEVICE.to_be())
    key = public_key(right.certificate, ca.public)
    assert key == suite.curve.multiply_generator(right.private_key)
    for name in REFUSED.keys() & found.keys():
        with pytest.raises(CertificateError) as refusal:
            check(found[name].certificate, issuer=ISSUER, sender=DEVICE.to_be())
        assert refusal.value.fault == REFUSED[name]
    for name in ("off_curve", "small_order"):
        with pytest.raises(CertificateError) as refusal:
            public_key(found[name].certificate, ca.public)
        assert refusal.value.fault == CertificateFault.POINT
    rogue = found["rogue"]
    check(rogue.certificate, issuer=ISSUER, sender=DEVICE.to_be())
    claimed = public_key(rogue.certificate, ca.public)
    assert claimed != suite.curve.multiply_generator(rogue.private_key)


def test_the_same_seed_issues_the_same_and_another_does_not() -> None:
    assert list(issued(DEVICE)) == list(issued(DEVICE))
    assert next(issued(DEVICE)) != next(issued(DEVICE, seed=b"another"))


def test_the_command_prints_toml(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["certificates", str(DEVICE)]) == 0
    printed = tomllib.loads(capsys.readouterr().out)
    assert printed["ca_public"] == authority().public.hex()
    assert printed["right"]["certificate"] == next(issued(DEVICE)).certificate.hex()
    assert main(["certificates", "0102"]) == 2
    assert "EUI64: '0102' is not 16 hexadecimal digits" in capsys.readouterr().err


def tables(*devices: Eui64) -> str:
    """The part of a bench file with certificates of these devices."""
    lines = ["[certificates]", f'ca_public = "{authority().public.hex()}"']
    for device in devices:
        one = next(issued(device))
        lines += ["[[certificates.unit]]", f'certificate = "{one.certificate.hex()}"']
        lines.append(f'private_key = "{one.private_key:042x}"')
    return "\n".join(lines)


def read(tmp_path: Path, text: str) -> BenchFile:
    path = tmp_path / "bench.toml"
    path.write_text(f'name = "b"\n[virtual]\n{text}\n')
    return load_toml(path, BenchFile)


def a_wallet(tmp_path: Path, *devices: Eui64) -> Wallet:
    part = read(tmp_path, tables(*devices)).certificates
    assert isinstance(part, CertificatesPart)
    return Wallet(part)


def test_units_take_the_certificates_of_the_file_one_after_the_other(tmp_path: Path) -> None:
    wallet = a_wallet(tmp_path, DEVICE, OTHER)
    assert wallet.home(Eui64(1)) == DEVICE
    assert wallet.another(Eui64(1)) == OTHER
    assert wallet.of(OTHER).certificate == next(issued(OTHER)).certificate
    assert wallet.foreign(DEVICE) == wallet.of(OTHER)
    with pytest.raises(Inconclusive, match="more than the 2 certificates"):
        wallet.another(Eui64(1))
    wallet.begin_case()
    assert wallet.another(Eui64(1)) == OTHER


def test_one_certificate_is_none_of_another_device(tmp_path: Path) -> None:
    with pytest.raises(Inconclusive, match="certificate of another device"):
        a_wallet(tmp_path, DEVICE).foreign(DEVICE)


def test_without_the_table_all_are_of_the_test_authority() -> None:
    wallet = Wallet(None)
    assert wallet.home(DEVICE) == wallet.another(DEVICE) == DEVICE
    foreign = wallet.foreign(DEVICE)
    assert public_key(foreign.certificate, authority().public)
    assert foreign.certificate[22:30] != DEVICE.to_be()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("private_key = ", "private_key = '1' # ", "does not fit its private_key"),
        ("certificate = ", "certificate = '0102' # ", "a certificate has 48"),
        ("[certificates]", "[certificate]", "certificate"),
    ],
)
def test_a_certificate_that_does_not_fit_is_refused(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=r"bench\.toml") as error:
        read(tmp_path, tables(DEVICE).replace(old, new))
    assert said in str(error.value)


def test_two_units_of_one_subject_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two units have one subject"):
        read(tmp_path, tables(DEVICE, DEVICE))
