"""The certificate authority of the one-machine account: what the RDS CA bundle is in AWS."""

from __future__ import annotations

from pathlib import Path

import trustme


class Authority:
    """Issues server certificates. Its own stands in `<directory>/ca.pem` and stays the same over restarts."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.bundle = directory / "ca.pem"
        key = directory / "ca.key"
        if self.bundle.exists() and key.exists():
            self._authority = trustme.CA.from_pem(self.bundle.read_bytes(), key.read_bytes())
            return
        self._authority = trustme.CA(organization_name="Crossfade one-machine account")
        key.touch(mode=0o600)
        key.write_bytes(self._authority.private_key_pem.bytes())
        self._authority.cert_pem.write_to_path(str(self.bundle))

    def issue(self, *names: str) -> tuple[str, str]:
        """Certificate chain and private key, PEM, for endpoint host names and addresses."""
        leaf = self._authority.issue_cert(*names)
        chain = b"".join(part.bytes() for part in leaf.cert_chain_pems)
        return chain.decode(), leaf.private_key_pem.bytes().decode()
