"""ARNs, resource ids and tags of DMS resources."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from typing import Any

from rehearsal.account.dms.faults import already_exists, invalid_value, not_found
from rehearsal.account.dms.ports import Platform

_ALPHABET = string.ascii_uppercase + "234567"


class Tags:
    """Tags by resource ARN; the keys are also the list of ARNs that exist."""

    def __init__(self) -> None:
        self._tags: dict[str, dict[str, str]] = {}

    def register(self, arn: str, request: Mapping[str, Any]) -> None:
        if arn in self._tags:
            raise already_exists(f"Resource {arn} already exists")
        self._tags[arn] = {tag["Key"]: tag.get("Value", "") for tag in request.get("Tags", [])}

    def forget(self, arn: str) -> None:
        self._tags.pop(arn, None)

    def add(self, request: dict[str, Any]) -> dict[str, Any]:
        tags = self._of(request["ResourceArn"])
        tags.update({tag["Key"]: tag.get("Value", "") for tag in request["Tags"]})
        return {}

    def remove(self, request: dict[str, Any]) -> dict[str, Any]:
        tags = self._of(request["ResourceArn"])
        for key in request["TagKeys"]:
            tags.pop(key, None)
        return {}

    def list(self, request: dict[str, Any]) -> dict[str, Any]:
        arns = request.get("ResourceArnList") or [request.get("ResourceArn", "")]
        entries = [(arn, key, value) for arn in arns for key, value in self._of(arn).items()]
        return {"TagList": [{"Key": key, "Value": value, "ResourceArn": arn} for arn, key, value in entries]}

    def _of(self, arn: str) -> dict[str, str]:
        if not arn:
            raise invalid_value("ResourceArn or ResourceArnList must be given")
        if arn not in self._tags:
            raise not_found(f"Invalid Amazon Resource Name (ARN): {arn}")
        return self._tags[arn]


def arn(platform: Platform, kind: str, resource_id: str) -> str:
    """`kind` is rep, es, endpoint, task or subgrp."""
    return f"arn:aws:dms:{platform.REGION}:{platform.ACCOUNT_ID}:{kind}:{resource_id}"


def new_resource_id(request: Mapping[str, Any]) -> str:
    """The last part of an ARN: what the caller asked for, or 26 characters of AWS's alphabet."""
    return str(request.get("ResourceIdentifier") or "".join(secrets.choice(_ALPHABET) for _ in range(26)))
