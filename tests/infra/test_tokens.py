"""The hall's own tokens: read while their key is known, and for what they were made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from guildhall.infra.tokens import TokenRefused, Tokens

NOW = datetime(2031, 5, 14, 12, tzinfo=UTC)
OLD, NEW = "the old key of at least 32 characters", "the new key of at least 32 characters"
CLAIMS = {"sub": "somebody", "exp": int(NOW.timestamp()) + 60}


def test_what_the_key_before_signed_is_read_until_that_key_is_forgotten() -> None:
    token = Tokens(OLD).sign("access", CLAIMS)
    assert Tokens(NEW, [OLD]).read(token, "access", NOW)["sub"] == "somebody"
    with pytest.raises(TokenRefused):
        Tokens(NEW).read(token, "access", NOW)


def test_the_newest_key_signs() -> None:
    token = Tokens(NEW, [OLD]).sign("access", CLAIMS)
    assert Tokens(NEW).read(token, "access", NOW)["sub"] == "somebody"
    with pytest.raises(TokenRefused):
        Tokens(OLD).read(token, "access", NOW)


@pytest.mark.parametrize("typ", ["refresh", "", "Access", "second-factor"])
def test_a_token_of_another_type_opens_nothing(typ: str) -> None:
    token = Tokens(NEW).sign(typ, CLAIMS)
    with pytest.raises(TokenRefused):
        Tokens(NEW).read(token, "access", NOW)


def test_a_token_that_was_read_once_still_runs_out() -> None:
    tokens = Tokens(NEW)
    token = tokens.sign("access", CLAIMS)
    tokens.read(token, "access", NOW)
    with pytest.raises(TokenRefused):
        tokens.read(token, "access", NOW + timedelta(seconds=60))


@pytest.mark.parametrize("exp", [None, "2031", 1.5, True, -1])
def test_a_token_without_a_usable_end_is_refused(exp: object) -> None:
    claims = {"sub": "somebody"} | ({} if exp is None else {"exp": exp})
    token = Tokens(NEW).sign("access", claims)
    with pytest.raises(TokenRefused):
        Tokens(NEW).read(token, "access", NOW)
