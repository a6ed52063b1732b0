"""The errors DMS answers with, under AWS's codes (botocore's model of dms; API Reference, "Common errors")."""

from __future__ import annotations

import re

from rehearsal.account.wire import ApiError

_IDENTIFIER = re.compile(r"[A-Za-z](?:[A-Za-z0-9]|-(?!-))*(?<!-)\Z")


def not_found(message: str) -> ApiError:
    return ApiError("ResourceNotFoundFault", message)


def already_exists(message: str) -> ApiError:
    return ApiError("ResourceAlreadyExistsFault", message)


def wrong_state(message: str) -> ApiError:
    return ApiError("InvalidResourceStateFault", message)


def access_denied(message: str) -> ApiError:
    return ApiError("AccessDeniedFault", message)


def invalid_value(message: str) -> ApiError:
    return ApiError("InvalidParameterValueException", message)


def invalid_combination(message: str) -> ApiError:
    return ApiError("InvalidParameterCombinationException", message)


def require_identifier(kind: str, value: str, max_length: int) -> None:
    """Refuse an identifier that AWS refuses: letters, digits, single hyphens, a letter first, no hyphen last."""
    if len(value) > max_length or not _IDENTIFIER.match(value):
        raise invalid_value(
            f"The parameter {kind} is not a valid identifier. Identifiers must begin with a letter; must contain only"
            " ASCII letters, digits, and hyphens; must not end with a hyphen or contain two consecutive hyphens; and"
            f" must have at most {max_length} characters: {value!r}"
        )
