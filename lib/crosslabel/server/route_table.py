"""Which route a path belongs to, known before routing."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.routing import BaseRoute, Route, compile_path


class RouteTable:
    """Paths of routes with the names of their parameters: a name for a route that holds nothing of a request.

    Args:
        routes: of the server.
    """

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        paths = sorted({route.path for route in routes if isinstance(route, Route)}, key=lambda path: ("{" in path, path))
        # Fixed paths come first, as they do in the routers.
        self._patterns = [(compile_path(path)[0], path) for path in paths]

    def template(self, path: str) -> str | None:
        """The route's path as in ``/infer/{model}``; ``None`` where no route has this path."""
        return next((template for pattern, template in self._patterns if pattern.match(path)), None)

    def parameters(self, path: str) -> dict[str, str]:
        """Values of the path's parameters."""
        return next((found.groupdict() for pattern, _ in self._patterns if (found := pattern.match(path))), {})
