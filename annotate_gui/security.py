"""Who may talk to the page: this machine only, or whoever has the token."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import secrets
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "::1"}


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def stored_token(path: Path) -> str:
    """The token of this folder, made at the first call: a restart keeps open pages working."""
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        token = ""
    if len(token) < 20:
        token = secrets.token_urlsafe(24)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(token + "\n")
    return token


def cookie_name(token: str) -> str:
    """The cookie of a token: browsers keep cookies by host, not by port, so each server has its own."""
    return f"annotate_gui_{hashlib.sha256(token.encode()).hexdigest()[:8]}"


class Guard:
    """Lets through what comes from the page itself, and from nowhere else.

    Without a token only requests that name this machine pass, so that no website can reach the page under a
    name of its own (DNS rebinding). With a token the first visit brings it in the address and gets a cookie.
    Requests that change something must come from the page's own origin.
    """

    def __init__(self, app: ASGIApp, token: str = "") -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 (ASGI)
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._token and _name_of(host) not in _LOOPBACK_NAMES:
            return PlainTextResponse("open this page as http://localhost, or start it with --host", 403)
        if scope["method"] not in ("GET", "HEAD"):
            origin = headers.get("origin")
            if origin is not None and origin.partition("://")[2] != host:
                return PlainTextResponse("this request comes from another page", 403)
        return self._refusal_by_token(scope, headers) if self._token else None

    def _refusal_by_token(self, scope: Scope, headers: Headers) -> Response | None:
        query = parse_qs(scope["query_string"].decode("latin-1"))
        given = query.pop("token", [""])[0]
        if self._is_token(given):
            rest = urlencode(query, doseq=True)
            response = RedirectResponse(scope["path"] + (f"?{rest}" if rest else ""), 303)
            name = cookie_name(self._token)
            response.set_cookie(name, self._token, httponly=True, samesite="strict", max_age=30 * 86_400)
            return response
        cookie = cookie_parser(headers.get("cookie", "")).get(cookie_name(self._token), "")
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        if self._is_token(bearer) or self._is_token(cookie):
            return None
        return PlainTextResponse("open the address with the token that annotate-gui printed", 401)

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self._token.encode())


def _name_of(host: str) -> str:
    """The name in a Host header, without its port; "" for what is no name."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:  # such as a bracket that is not closed
        return ""
