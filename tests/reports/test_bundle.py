"""Signed campaigns: whatever is touched is found, and others' tools agree."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reports import __main__ as program
from reports import bundle


def write_keys(folder: Path, name: str) -> tuple[Path, Path]:
    key = Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.key", folder / f"{name}.pub"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return private, public


@pytest.fixture
def signed(tmp_path: Path) -> tuple[Path, Path]:
    """A signed folder and the public key."""
    folder = tmp_path / "run"
    (folder / "evidence" / "A-01").mkdir(parents=True)
    (folder / "verdicts.jsonl").write_text('{"id":"A-01"}\n')
    (folder / "evidence/A-01/capture.pcapng").write_bytes(bytes(range(256)))
    private, public = write_keys(tmp_path, "lab")
    bundle.sign(folder, private)
    return folder, public


def test_an_untouched_folder_is_whole(signed: tuple[Path, Path]) -> None:
    finding = bundle.verify(*signed)
    assert finding.whole and finding.lines() == []


def test_each_kind_of_touch_is_named(signed: tuple[Path, Path]) -> None:
    folder, public = signed
    (folder / "verdicts.jsonl").write_text('{"id":"A-02"}\n')
    (folder / "evidence/A-01/capture.pcapng").unlink()
    (folder / "evidence/new.log").write_text("x")
    finding = bundle.verify(folder, public)
    assert not finding.whole
    assert finding.lines() == [
        "changed: verdicts.jsonl",
        "missing: evidence/A-01/capture.pcapng",
        "added: evidence/new.log",
    ]


def test_a_rewritten_manifest_is_not_signed(signed: tuple[Path, Path]) -> None:
    folder, public = signed
    (folder / "verdicts.jsonl").write_text("other")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"]["verdicts.jsonl"] = {
        "sha256": hashlib.sha256(b"other").hexdigest(),
        "size": 5,
    }
    (folder / "manifest.json").write_bytes(bundle.canonical(manifest))
    assert bundle.verify(folder, public).problems == [
        "the signature is not of this manifest by this key"
    ]


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sig"])
def test_every_octet_of_manifest_and_signature_counts(signed: tuple[Path, Path], name: str) -> None:
    folder, public = signed
    octets = (folder / name).read_bytes()
    for position in range(0, len(octets), 7):
        broken = bytearray(octets)
        broken[position] ^= 1
        (folder / name).write_bytes(broken)
        assert not bundle.verify(folder, public).whole, position


def test_another_key_does_not_do(signed: tuple[Path, Path], tmp_path: Path) -> None:
    _, other = write_keys(tmp_path, "other")
    assert not bundle.verify(signed[0], other).whole


def test_a_folder_without_signature_is_not_whole(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    _, public = write_keys(tmp_path, "lab")
    assert "not signed" in bundle.verify(tmp_path / "run", public).problems[0]


def test_keys_and_folders_that_cannot_be_used_are_named(
    signed: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, public = signed
    elliptic = tmp_path / "ec.key"
    elliptic.write_bytes(
        generate_private_key(SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    for bad, message in ((elliptic, "not an Ed25519 key"), (public, "no usable private key")):
        with pytest.raises(bundle.BundleError, match=message):
            bundle.sign(folder, bad)
    with pytest.raises(bundle.BundleError, match="no usable public key"):
        bundle.verify(folder, elliptic)
    (folder / "link").symlink_to("verdicts.jsonl")
    with pytest.raises(bundle.BundleError, match="symbolic link"):
        bundle.verify(folder, public)


def test_openssl_agrees(signed: tuple[Path, Path]) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    folder, public = signed
    command = [openssl, "pkeyutl", "-verify", "-pubin", "-inkey", str(public), "-rawin"]
    command += ["-in", str(folder / "manifest.json"), "-sigfile", str(folder / "manifest.sig")]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    (folder / "manifest.json").write_bytes((folder / "manifest.json").read_bytes() + b" ")
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_the_program_signs_and_verifies(
    signed: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, public = signed
    assert program.main(["verify", str(folder), "--key", str(public)]) == 0
    (folder / "verdicts.jsonl").write_text("other")
    assert program.main(["verify", str(folder), "--key", str(public)]) == 1
    assert "changed: verdicts.jsonl" in capsys.readouterr().out
    assert program.main(["sign", str(folder), "--key", str(tmp_path / "lab.key")]) == 0
    assert program.main(["verify", str(folder), "--key", str(public)]) == 0
    assert program.main(["verify", str(folder), "--key", str(tmp_path / "none")]) == 4
