"""Which role each route asks for."""

from __future__ import annotations

from crosslabel.server.security.roles import Role

# Answered to everyone: whether the server lives, and how to log in.
OPEN = frozenset({"/health", "/auth/", "/auth/token"})

_READ = ("GET", "HEAD")
_ANNOTATE: dict[str, tuple[str, ...]] = {
    "/": _READ,
    "/docs": _READ,
    "/openapi.json": _READ,
    "/auth/token/valid": _READ,
    "/info/": _READ,
    "/train/": _READ,
    "/batch/infer": _READ,
    "/activelearning/{strategy}": ("POST",),
    "/infer/{model}": ("POST",),
    "/session/": ("PUT",),
    "/session/{session_id}": (*_READ, "DELETE"),
    "/datastore/": (*_READ, "PUT"),
    "/datastore/image": (*_READ, "PUT"),
    "/datastore/image/info": (*_READ, "PUT"),
    "/datastore/label": (*_READ, "PUT"),
    "/datastore/label/info": (*_READ, "PUT"),
    "/datastore/updatelabelinfo": ("PUT",),
    "/api/v1/labels/{task}/{image:path}": ("POST",),
    "/api/v1/learning/{task}/next": ("POST",),
    "/api/v1/learning/{task}/release": ("POST",),
    "/api/v1/learning/{task}/skip": ("POST",),
    "/api/v1/learning/{task}/pin": ("POST",),
}
_REVIEW: dict[str, tuple[str, ...]] = {
    "/datastore/label": ("DELETE",),
    "/datastore/dataset": _READ,
    "/api/v1/labels/adjudicate": ("POST",),
    "/api/v1/learning/{task}/switch": ("POST",),
    "/api/v1/labels/{label_id:int}/approve": ("POST",),
    "/api/v1/labels/{label_id:int}/return": ("POST",),
    "/api/v1/labels/{label_id:int}/revert": ("POST",),
}
_TYPED_ROUTES = "/api/v1/"


def required_role(method: str, template: str | None) -> Role:
    """The role that a request needs; a route that nobody thought of is for administrators.

    Args:
        method: HTTP method.
        template: path of the route with its parameters' names, as in ``/infer/{model}``; ``None`` where there is no
            such route and the answer is a 404, or a 405.
    """
    if template is None or method in _ANNOTATE.get(template, ()):
        return Role.ANNOTATE
    if template.startswith(_TYPED_ROUTES) and method in _READ:
        return Role.ANNOTATE
    return Role.REVIEW if method in _REVIEW.get(template, ()) else Role.ADMINISTER
