"""Numbers for Prometheus: requests, inference, work in flight, training."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """The numbers of one server; labels hold patterns of routes and names of tasks, nothing of a patient."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "crosslabel_requests", "Requests by route and status", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "crosslabel_request_seconds",
            "Seconds until the answer is sent",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._inference = Histogram(
            "crosslabel_inference_seconds", "Seconds of a network", ("task",), buckets=_SECONDS, registry=self.registry
        )
        self._running = Gauge("crosslabel_running", "Requests being worked on", ("lane",), registry=self.registry)
        self._waiting = Gauge("crosslabel_waiting", "Requests in the queue", ("lane",), registry=self.registry)
        self._trainings = Gauge("crosslabel_trainings", "Trainings that run or wait", registry=self.registry)

    def request(self, method: str, template: str | None, status: int, seconds: float) -> None:
        """Count an answered request."""
        # A client may invent methods, and each would be a series of numbers that never goes away.
        method, route = method if method in _METHODS else "other", template or "none"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def inference(self, task: str, seconds: float) -> None:
        """Count an image that a network answered."""
        self._inference.labels(task).observe(seconds)

    def lane(self, name: str, running: int, waiting: int) -> None:
        """Note the work in flight."""
        self._running.labels(name).set(running)
        self._waiting.labels(name).set(waiting)

    def watch_trainings(self, count: Callable[[], int]) -> None:
        """Ask ``count`` whenever the numbers are read."""
        self._trainings.set_function(count)

    def text(self) -> bytes:
        """All numbers in Prometheus' text format."""
        return generate_latest(self.registry)
