"""How much work is in flight."""

import anyio
import pytest

from crosslabel.server.limits.capacity import Capacity, Width
from crosslabel.server.metrics import Metrics

WIDTHS = {"inference": Width(1, 1), "upload": Width(1, 0), "other": Width(2, 2)}


class Work:
    """An ASGI app whose requests last until they are let go, with how many were in it at once."""

    def __init__(self):
        self.release = anyio.Event()
        self.inside = self.most = 0

    async def __call__(self, scope, receive, send):
        self.inside += 1
        self.most = max(self.most, self.inside)
        await self.release.wait()
        self.inside -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})


async def ask(capacity, statuses, method="POST", template="/infer/{model}"):
    async def send(message):
        if message["type"] == "http.response.start":
            statuses.append((message["status"], dict(message["headers"]).get(b"retry-after")))

    scope = {"type": "http", "method": method, "path": "/", "state": {"template": template}}
    await capacity(scope, None, send)


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def crowd(count, seconds=10.0, hold=0.05, **request):
    work, statuses = Work(), []
    capacity = Capacity(work, Metrics(), WIDTHS, seconds)
    async with anyio.create_task_group() as group:
        for _ in range(count):
            group.start_soon(lambda: ask(capacity, statuses, **request))
        await anyio.sleep(hold)
        work.release.set()
    return work, statuses


@pytest.mark.anyio
async def test_one_runs_one_waits_and_the_third_is_told_to_come_again():
    work, statuses = await crowd(3)
    assert work.most == 1
    assert sorted(statuses) == [(200, None), (200, None), (503, b"10")]


@pytest.mark.anyio
async def test_who_waits_too_long_is_told_so():
    _, statuses = await crowd(2, seconds=0.01)
    assert sorted(status for status, _ in statuses) == [200, 503]


@pytest.mark.anyio
async def test_a_place_is_free_again_for_the_next():
    work, statuses = Work(), []
    work.release.set()
    capacity = Capacity(work, Metrics(), WIDTHS)
    for _ in range(5):
        await ask(capacity, statuses)
    assert [status for status, _ in statuses] == [200] * 5


@pytest.mark.anyio
async def test_health_is_answered_when_everything_is_busy():
    work, _ = await crowd(20, method="GET", template="/health")
    assert work.most == 20


@pytest.mark.anyio
async def test_a_request_that_fails_gives_its_place_back():
    async def broken(scope, receive, send):
        raise RuntimeError("broken")

    capacity, statuses = Capacity(broken, Metrics(), WIDTHS), []
    for _ in range(3):
        with pytest.raises(RuntimeError, match="broken"):
            await ask(capacity, statuses)
    assert statuses == []
