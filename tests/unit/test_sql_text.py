"""Quoting and verifiers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.identifiers import qualified, quoted, text_literal
from migration.scram import verifier

TEXT = st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=30)


@given(TEXT.filter(bool))
def test_a_quoted_name_has_no_way_out(name: str) -> None:
    inner = quoted(name)[1:-1]
    assert inner.replace('""', "").count('"') == 0
    assert inner.replace('""', '"') == name


@pytest.mark.parametrize("name", ["", "a\x00b"])
def test_what_cannot_be_a_name(name: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        quoted(name)


def test_qualified() -> None:
    assert qualified("public", 'order "items"') == '"public"."order ""items"""'


@given(TEXT)
def test_a_literal_has_no_way_out(value: str) -> None:
    text = text_literal(value)
    inner = text[2:-1] if text.startswith("E") else text[1:-1]
    unescaped = inner.replace("''", "'")
    assert (unescaped.replace("\\\\", "\\") if text.startswith("E") else unescaped) == value


def test_the_verifier_of_rfc_7677() -> None:
    """Salt of the RFC's example (section 3), with PostgreSQL's form around the keys."""
    import base64

    made = verifier("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    assert made == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ=="
        "$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )


def test_two_verifiers_of_one_password_differ() -> None:
    assert verifier("pencil") != verifier("pencil")
