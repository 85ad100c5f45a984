"""The unit of work of a request.

It ends after the answer is made and before it is sent (`scope="function"`): a client that reads
201 can rely on the commit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Annotated, Any
from uuid import NAMESPACE_OID, UUID, uuid5

from fastapi import Depends, Header, Request, Response
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection

from guildhall.infra.hall import Hall
from guildhall.infra.http.idempotency import IdempotentRequest, Replay
from guildhall.infra.unit_of_work import UnitOfWork

__all__ = ["Reads", "RememberingRoute", "Writes", "hall_of", "request_address"]


def hall_of(request: Request) -> Hall:
    """Give the open hall of this process."""
    hall: Hall = request.app.state.hall
    return hall


class RememberingRoute(APIRoute):
    """Lets the unit of work see the finished answer before it commits."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                request.state.response = response = await handle(request)
            except Replay as replay:
                return replay.response
            return response

        return answer


async def _writes(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(description="Repeat a request safely: the same key gets the first answer again."),
    ] = None,
) -> AsyncIterator[UnitOfWork]:
    async with hall_of(request).units.write(member=_whose(request)) as uow:
        if idempotency_key is None or request.method != "POST":
            yield uow
            return
        idempotent = IdempotentRequest(
            _asker(request),
            idempotency_key,
            request.method,
            request.url.path,
            await request.body(),
            hall_of(request).endpoints.secret_key,
        )
        await idempotent.begin(uow)
        yield uow
        idempotent.remember(uow, request.state.response)


async def _reads(request: Request) -> AsyncIterator[UnitOfWork]:
    async with hall_of(request).units.read(member=_whose(request)) as uow:
        yield uow


def _whose(request: Request) -> UUID | None:
    """Say whose rows a request may see: an admin's route sees the whole hall."""
    return None if request.state.sees_all else _asker(request)


def _asker(request: Request) -> UUID:
    member = getattr(request.state, "member", None)
    return member.id if member else uuid5(NAMESPACE_OID, request_address(request))


def request_address(request: HTTPConnection) -> str:
    """Give the address that the request came from, as uvicorn saw it behind trusted proxies."""
    return request.client.host if request.client else "local"


Writes = Annotated[UnitOfWork, Depends(_writes, scope="function")]
"""A unit of work that changes things; on a POST it honours `Idempotency-Key`."""

Reads = Annotated[UnitOfWork, Depends(_reads, scope="function")]
"""A READ ONLY unit of work."""
