"""A signed campaign: which files it had, and who vouches for them.

    manifest.json   SHA-256 and size of every file of the folder, as canonical JSON: ASCII, keys
                    sorted, no spaces, one line feed at the end
    manifest.sig    Ed25519 signature (RFC 8032) over the octets of manifest.json: 64 octets, raw

Both can be checked without this harness: `sha256sum` for the files, and for the signature
`openssl pkeyutl -verify -pubin -inkey lab.pub -rawin -in manifest.json -sigfile manifest.sig`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
FORMAT = 1


class BundleError(Exception):
    """A folder cannot be signed or a key cannot be used; the text names the file."""


@dataclass(slots=True)
class Finding:
    """What a check of a signed folder found; whole only when every list is empty."""

    problems: list[str] = field(default_factory=list)
    """What is wrong with manifest or signature itself."""
    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether the folder is what was signed."""
        return not (self.problems or self.changed or self.missing or self.added)

    def lines(self) -> list[str]:
        """Return what is wrong, one line each."""
        named = {"changed": self.changed, "missing": self.missing, "added": self.added}
        return self.problems + [f"{word}: {path}" for word, all_ in named.items() for path in all_]


def sign(directory: Path, key_file: Path) -> Path:
    """Write manifest and signature into a folder; `key_file` is a private Ed25519 key in PEM.

    Raises BundleError when the key cannot be used or the folder holds symbolic links.
    """
    key = _private_key(key_file)
    octets = canonical({"format": FORMAT, "files": _files(directory)})
    (directory / MANIFEST).write_bytes(octets)
    (directory / SIGNATURE).write_bytes(key.sign(octets))
    return directory / MANIFEST


def verify(directory: Path, key_file: Path) -> Finding:
    """Check a signed folder against `key_file`, a public Ed25519 key in PEM.

    The key has to come from elsewhere than the folder: one that travels with it proves nothing.
    Raises BundleError when the key cannot be used.
    """
    key = _public_key(key_file)
    finding = Finding()
    try:
        octets = (directory / MANIFEST).read_bytes()
        key.verify((directory / SIGNATURE).read_bytes(), octets)
    except OSError as error:
        finding.problems.append(f"not signed: {error.filename}: {error.strerror}")
        return finding
    except InvalidSignature:
        finding.problems.append("the signature is not of this manifest by this key")
        return finding
    manifest = json.loads(octets)
    if manifest.get("format") != FORMAT:
        finding.problems.append(f"manifest format {manifest.get('format')!r} is not known")
        return finding
    signed, there = manifest["files"], _files(directory)
    finding.missing = sorted(signed.keys() - there.keys())
    finding.added = sorted(there.keys() - signed.keys())
    finding.changed = sorted(
        path for path in signed.keys() & there.keys() if signed[path] != there[path]
    )
    return finding


def canonical(value: Any) -> bytes:
    """Return the one way in which a JSON value is written for signing."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return text.encode("ascii") + b"\n"


def _files(directory: Path) -> dict[str, dict[str, Any]]:
    return {
        path.relative_to(directory).as_posix(): {
            "sha256": _sha256(path),
            "size": path.stat().st_size,
        }
        for path in _walk(directory)
    }


def _walk(directory: Path) -> Iterator[Path]:
    if not directory.is_dir():
        raise BundleError(f"{directory}: not a folder")
    for path in sorted(directory.rglob("*")):
        if path.is_symlink():
            raise BundleError(f"{path}: a symbolic link cannot be signed; put the file there")
        inside = path.relative_to(directory).as_posix()
        if path.is_file() and inside not in (MANIFEST, SIGNATURE):
            yield path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _private_key(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BundleError(f"{path}: no usable private key: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BundleError(f"{path}: not an Ed25519 key")
    return key


def _public_key(path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise BundleError(f"{path}: no usable public key: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BundleError(f"{path}: not an Ed25519 key")
    return key
