"""An adaptation as it goes on, on a real server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from server_process import Server
from waiting import until


def state_of(server: Server, task: str) -> dict[str, Any]:
    """What the server says of a task's adaptation."""
    answer = server.get(f"/api/v1/adaptation/{task}")
    assert answer.ok, answer.text
    return answer.json()


def wait_for(server: Server, task: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first state of the run that fulfils a condition; one that failed never will."""

    def met() -> dict[str, Any] | None:
        run = state_of(server, task)["run"]
        if run is not None and condition(run):
            return run
        assert run is None or run["state"] != "failed", server.get("/train/").text
        return None

    found = until(met, lambda: f"still {state_of(server, task)['run']}; {server.get('/train/').text}")
    assert found is not None
    return found
