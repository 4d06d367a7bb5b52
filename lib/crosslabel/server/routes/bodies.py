"""Bodies of requests to the project's own routes."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class RequestBody(BaseModel):
    """A misspelt name, or one that is not the client's to give, is refused and not passed over."""

    model_config = ConfigDict(extra="forbid")
