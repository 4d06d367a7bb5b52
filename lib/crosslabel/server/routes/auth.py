"""/auth: logging in as MONAI Label's clients do, with a token as the password."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from pydantic import BaseModel

from crosslabel.server.security.authentication import Caller, LogIn

router = APIRouter(prefix="/auth", tags=["Auth"])


class AccessToken(BaseModel):
    """What a client sends as ``Authorization``; empty where the server asks for nothing."""

    access_token: str | None
    token_type: str | None


class User(BaseModel):
    """Whose token a request carries."""

    username: str
    roles: list[str]


def _log_in(request: Request) -> LogIn:
    return request.app.state.log_in


@router.get("/", summary="Whether this server asks for a token")
def enabled(log_in: Annotated[LogIn, Depends(_log_in)]) -> dict[str, Any]:
    # The names are those of the stock server, whose tokens come from a Keycloak realm.
    return {"enabled": log_in.tokens is not None, "client_id": "", "realm": ""}


@router.post("/token", summary="Log in with a token as the password; the user's name is free", response_model=AccessToken)
def access_token(request: Request, log_in: Annotated[LogIn, Depends(_log_in)], password: Annotated[str, Form()] = "") -> Any:
    if log_in.tokens is None:
        return AccessToken(access_token=None, token_type=None)
    if log_in.caller(password) is None:
        return log_in.refusal(request.client.host if request.client else "")
    return AccessToken(access_token=password, token_type="bearer")


@router.get("/token/valid", summary="Whose token this is")
def valid(request: Request) -> User:
    caller: Caller = request.state.caller
    return User(username=caller.name, roles=[caller.role.value])
