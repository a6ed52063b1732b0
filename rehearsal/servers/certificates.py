"""The certificates of the database servers: what the RDS CA bundle and the endpoints' certificates are in AWS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme

REGION = "us-east-1"
ENDPOINT_LABEL = "c8r0ssf4de2u"
"""The part of every endpoint's name that AWS gives an account in a Region."""


@dataclass(frozen=True)
class Certificates:
    """PEM files: the authority clients verify with, and the one certificate and key that every server shows."""

    authority: Path
    certificate: Path
    key: Path


def certificates(directory: Path) -> Certificates:
    """The certificates kept in a directory, made when it has none; names all endpoints of the account."""
    files = Certificates(directory / "ca.pem", directory / "server.crt", directory / "server.key")
    if not files.key.exists():
        directory.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA(organization_name="Crossfade one-machine account")
        kinds = ("", "cluster-", "cluster-ro-")
        leaf = authority.issue_cert(*(f"*.{kind}{ENDPOINT_LABEL}.{REGION}.rds.amazonaws.com" for kind in kinds))
        authority.cert_pem.write_to_path(str(files.authority))
        files.certificate.write_bytes(b"".join(part.bytes() for part in leaf.cert_chain_pems))
        files.key.touch(mode=0o600)
        files.key.write_bytes(leaf.private_key_pem.bytes())
    return files
