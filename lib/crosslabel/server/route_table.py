"""Which route a request belongs to, known before routing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from starlette.routing import BaseRoute, Route, compile_path


class RouteTable:
    """Paths of routes with the names of their parameters: a name for a route that holds nothing of a request.

    Args:
        routes: of the server, in the order in which it tries them: what a request is allowed depends on which one answers.
    """

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._routes = [(compile_path(route.path)[0], route) for route in routes if isinstance(route, Route)]

    def template(self, method: str, path: str) -> str | None:
        """The route's path as in ``/infer/{model}``; ``None`` where no route has this path."""
        return next((route.path for route, _ in self._matching(method, path)), None)

    def parameters(self, method: str, path: str) -> dict[str, str]:
        """Values of the path's parameters."""
        return next((found.groupdict() for _, found in self._matching(method, path)), {})

    def _matching(self, method: str, path: str) -> Iterator[tuple[Route, re.Match[str]]]:
        """Routes for the path and the method, then those for the path alone, as the server tries them."""
        matching = [(route, found) for pattern, route in self._routes if (found := pattern.match(path))]
        yield from (pair for pair in matching if pair[0].methods is None or method in pair[0].methods)
        yield from matching
