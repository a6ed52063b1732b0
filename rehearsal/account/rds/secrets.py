"""Master user passwords that RDS manages (user guide, "Password management with Amazon RDS and Secrets Manager")."""

from __future__ import annotations

import secrets
import string
import uuid

from rehearsal.account.rds.fleet import Fleet, View

_KMS_KEY = "arn:aws:kms:us-east-1:000000000000:alias/aws/secretsmanager"


def new_password() -> str:
    """A random master password, as long as RDS makes them."""
    letters = string.ascii_letters + string.digits + "!#$%&()*+-.:;<=>?[]^_{|}~"
    return "".join(secrets.choice(letters) for _ in range(28))


def manage(fleet: Fleet, kind: str, username: str, password: str, key: str | None) -> View:
    """Store the login in a secret `rds!<kind>-<uuid>` (kind: db or cluster); the MasterUserSecret of the resource.

    Its status is `creating` until `activate`: only then does the server know the password. The secret holds username
    and password only, no host: RDS does not know which endpoint a reader of it wants.
    """
    name = f"rds!{kind}-{uuid.uuid4()}"
    secret_arn = fleet.platform.put_secret(name, {"username": username, "password": password})
    return {"SecretArn": secret_arn, "SecretStatus": "creating", "KmsKeyId": key or _KMS_KEY}


def activate(view: View) -> None:
    """The server has the managed password."""
    if "MasterUserSecret" in view:
        view["MasterUserSecret"] = {**view["MasterUserSecret"], "SecretStatus": "active"}
