"""What the hall's letters say. Plain text; what others chose stays in its line."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = [
    "address_changed",
    "already_known",
    "leaving",
    "new_device",
    "password_changed",
    "proofs_changed",
    "reset_link",
    "verification_link",
]

LONGEST_QUOTE = 80

Words = tuple[str, str]
"""A subject and a text."""


def reset_link(username: str, origin: str, token: str, minutes: int) -> Words:
    return (
        "Set a new password",
        f"""\
Hello {_quoted(username)},

somebody, probably you, asked for a new password for your account in the hall at
{origin}.
Open this link to choose one. It is good once, for {minutes} minutes:

{origin}/reset-password#token={token}

When you do, every session of this account ends. If it was not you, do nothing: the password
stays as it is.
""",
    )


def verification_link(username: str, origin: str, token: str, hours: int) -> Words:
    return (
        "Confirm your address",
        f"""\
Hello {_quoted(username)},

this address was given for an account in the hall at {origin}.
Open this link to show that it is yours. It is good once, for {hours} hours:

{origin}/verify-email#token={token}

If you opened no such account, do nothing: without this link nobody can say that the address is
theirs.
""",
    )


def already_known(username: str, origin: str) -> Words:
    return (
        "You have an account already",
        f"""\
Hello {_quoted(username)},

somebody, perhaps you, tried to open an account with this address, or to give it to another one, in
the hall at {origin}.
It belongs to your account, {_quoted(username)}, and stays with it. If you forgot your password,
ask for a new one:

{origin}/reset-password

If it was not you, do nothing: nobody came in.
""",
    )


def password_changed(username: str, origin: str, at: datetime) -> Words:
    return (
        "Your password was changed",
        f"""\
Hello {_quoted(username)},

your password for the hall at {origin}
was changed on {_instant(at)}. Other sessions of this account have ended.

If it was not you, set another one now, and look at your devices and API keys:

{origin}/reset-password
""",
    )


PROOFS_CHANGED = {
    "totp_confirmed": "An authenticator app was set up, and signing in asks for its codes now.",
    "totp_removed": "The authenticator app was removed, and signing in asks for no codes any more.",
    "recovery_codes_replaced": "New recovery codes were made; those before them are void.",
    "recovery_code_used": "One of the recovery codes was used.",
    "passkey_added": "A passkey was added, and opens your account.",
    "passkey_removed": "A passkey was removed.",
    "identity_linked": "An account of a provider was linked, and opens yours.",
    "api_key_made": "An API key was made, with which a program can act as you.",
    "second_factor_removed": "An admin removed your app, your recovery codes and your passkeys.",
}


def proofs_changed(username: str, origin: str, at: datetime, act: str) -> Words:
    return (
        "Your way of signing in was changed",
        f"""\
Hello {_quoted(username)},

in your account in the hall at {origin}
something was changed on {_instant(at)}:

    {PROOFS_CHANGED[act]}

If it was not you, set another password now, and look at your devices, passkeys and API keys:

{origin}/reset-password
""",
    )


def leaving(username: str, origin: str, at: datetime, erase_after: datetime) -> Words:
    return (
        "Your account will be erased",
        f"""\
Hello {_quoted(username)},

on {_instant(at)} somebody, probably you, had your account in the hall at
{origin} deleted.
It will be erased, with everything in it, on {_instant(erase_after)}.

Until then you can sign in and keep it. If it was not you, do so now, and set another password:

{origin}/reset-password
""",
    )


def address_changed(username: str, origin: str, at: datetime) -> Words:
    return (
        "Your address was changed",
        f"""\
Hello {_quoted(username)},

your account in the hall at {origin}
was given another address on {_instant(at)}. This is the last letter to the old one.

If it was not you, somebody can use your account: tell an admin of the hall at once.
""",
    )


def new_device(
    username: str, origin: str, at: datetime, *, device: str, address: str, user_agent: str
) -> Words:
    return (
        "A new device signed in",
        f"""\
Hello {_quoted(username)},

a device that was not seen before signed in to your account in the hall at
{origin}:

    device    {_quoted(device)}
    program   {_quoted(user_agent) or "unknown"}
    address   {_quoted(address)}
    time      {_instant(at)}

If it was you, there is nothing to do. If not, somebody knows your password: set another one now,
which ends every session.

{origin}/reset-password
""",
    )


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%d %B %Y at %H:%M} UTC"


def _quoted(text: str) -> str:
    """Give what somebody else wrote as one short line: nothing in it begins another one."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line[:LONGEST_QUOTE]
