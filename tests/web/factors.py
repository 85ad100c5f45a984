"""What lets a member in beside a password, set up by the pages."""

from __future__ import annotations

import pyotp
from playwright.async_api import CDPSession

from tests.web.visitor import Visitor


async def authenticator(visitor: Visitor) -> CDPSession:
    """Give the visitor's device a fingerprint reader that keeps passkeys."""
    devtools = await visitor.context.new_cdp_session(visitor.page)
    await devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return devtools


async def set_up_app(visitor: Visitor) -> tuple[pyotp.TOTP, list[str]]:
    """Set up an app by the page; give the app, and the recovery codes as they were shown."""
    page = visitor.page
    await page.goto("/settings/security")
    await visitor.press("Set up an app")
    await visitor.sees("Set up your app")
    shown = await page.locator("figure code").inner_text()
    app = pyotp.TOTP(shown.replace(" ", ""))
    link = await page.get_by_role("link", name="Or open an app").get_attribute("href")
    assert link is not None
    assert pyotp.parse_uri(link).secret == app.secret
    await visitor.fill(Code_from_the_app="000000")
    await visitor.press("Confirm")
    await page.locator("[aria-invalid=true]").wait_for()
    await visitor.fill(Code_from_the_app=app.now())
    await visitor.press("Confirm")
    await visitor.sees("Your recovery codes")
    codes = await page.get_by_role("dialog").locator("li").all_inner_texts()
    return app, codes


async def add_passkey(visitor: Visitor) -> None:
    await visitor.page.goto("/settings/security")
    await visitor.press("Add a passkey")
    await visitor.press("Go on")
    await visitor.page.get_by_role("list", name="Passkeys").wait_for()
