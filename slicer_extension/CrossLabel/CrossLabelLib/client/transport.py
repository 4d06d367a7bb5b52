"""Requests to one server: time-outs, retries, TLS, token, progress, cancelling, and errors in one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import requests

from CrossLabelLib.client import failures
from CrossLabelLib.client.address import complete, is_loopback
from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.job import Job
from CrossLabelLib.client.multipart import Answered, Upload, parse, suffix_of
from CrossLabelLib.client.sockets import AliveAdapter

_CHUNK = 256 * 1024
_LARGEST_JSON = 64 * 2**20
_LARGEST_FORM = 2**31
_PAUSES = (0.5, 1.5)
_LONGEST_PAUSE = 5.0
# These say that the request was not worked on.
_TRY_AGAIN = (502, 503, 504)


class _Bearer(requests.auth.AuthBase):
    """The token alone decides: without this, requests would send a log-in that it finds in the user's netrc file."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Transport:
    """Talks to one server; may be used by several threads at once.

    Nothing is sent before a method is called. Redirects are not followed, so that neither token nor images go to a place
    that nobody typed.

    Args:
        url: of the server, as people type it.
        token: empty where the server asks for none.
        verify: check the server's certificate; a path names the authority to trust.
        timeouts: seconds to connect and, once connected, without a byte of an answer.

    Raises:
        ServerError: the address is none.
    """

    def __init__(
        self, url: str, token: str = "", verify: bool | str = True, timeouts: tuple[float, float] = (5.0, 30.0)
    ) -> None:
        self.url = complete(url)
        self.token = token.strip()
        self.verify = verify
        self.timeouts = timeouts

    def json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        form: Mapping[str, str] | None = None,
        job: Job | None = None,
        patience: float | None = None,
        again: bool | None = None,
    ) -> Any:
        """The JSON of an answer.

        Args:
            method: HTTP method.
            path: below the server's address.
            query: parameters in the address; those that are None are left out.
            body: JSON to send, or
            form: fields to send.
            job: cancels it.
            patience: seconds without a byte of an answer, where the usual ones do not suit.
            again: whether the request may be sent twice; for GET and HEAD it may.

        Raises:
            ServerError: no answer, a refusal, or an answer that is no JSON.
        """
        options = {"params": query, "json": body, "data": form}
        with self._answer(method, path, options, job or Job(), patience, again) as answer:
            return failures.json_of(_read(answer, job or Job(), _LARGEST_JSON))

    def form(self, path: str, *, query: Mapping[str, Any], form: Mapping[str, str], job: Job, patience: float) -> Answered:
        """POST that changes nothing on the server and is answered by JSON, with or without a file beside it."""
        options = {"params": query, "data": form}
        with self._answer("POST", path, options, job, patience, True) as answer:
            return _answered(answer, job)

    def download(
        self, path: str, folder: Path, name: str, *, job: Job, query: Mapping[str, Any] | None = None, suffix: str = ""
    ) -> Path:
        """Save a file of the server in a folder, whole or not at all.

        Args:
            path: below the server's address.
            folder: to be written to.
            name: of the file, without suffix.
            job: is told the bytes so far, and cancels it.
            query: parameters in the address.
            suffix: of the file; empty to take that of the server's own name for it.
        """
        with self._answer("GET", path, {"params": query}, job, None, True) as answer:
            disposition = unquote(answer.headers.get("Content-Disposition", ""))
            target = folder / (re.sub(r"[^\w.-]", "_", name) + (suffix or suffix_of(disposition.strip('" ;'))))
            partial = target.with_name(target.name + ".part")
            try:
                with partial.open("wb") as file:
                    for chunk in _chunks(answer, job):
                        file.write(chunk)
                partial.replace(target)
            finally:
                partial.unlink(missing_ok=True)
        return target

    def upload(
        self,
        method: str,
        path: str,
        field: str,
        file: Path,
        *,
        query: Mapping[str, Any],
        form: Mapping[str, str],
        job: Job,
        patience: float | None = None,
    ) -> Answered:
        """Send a file as a field of a form; the request is sent once, for it may change something."""
        try:
            body = Upload(form, field, file, job)
        except OSError as error:
            raise ServerError(f"The file {file.name} cannot be read: {error.strerror}.", "refused") from error
        options = {"params": query, "data": body, "headers": {"Content-Type": body.content_type}}
        try:
            with self._answer(method, path, options, job, patience or self.timeouts[1] * 10, False) as answer:
                return _answered(answer, job)
        finally:
            body.close()

    @contextmanager
    def _answer(
        self, method: str, path: str, options: dict[str, Any], job: Job, patience: float | None, again: bool | None
    ) -> Iterator[requests.Response]:
        repeatable = method in ("GET", "HEAD") if again is None else again
        pauses = iter(_PAUSES if repeatable else ())
        while True:
            job.check()
            try:
                answer = self._send(method, path, options, patience)
            except requests.RequestException as error:
                job.check()
                pause = next(pauses, None)
                if pause is None or isinstance(error, requests.ReadTimeout):
                    raise failures.no_answer(self.url, error, changes=not repeatable) from error
            else:
                pause = next(pauses, None) if answer.status_code in _TRY_AGAIN else None
                if pause is None:
                    break
                pause = _asked_pause(answer, pause)
                answer.close()
            job.sleep(pause)
        with answer:
            if not answer.ok or answer.is_redirect:
                raise failures.refusal(answer, self.url)
            try:
                yield answer
            except requests.RequestException as error:
                raise failures.no_answer(self.url, error, changes=not repeatable) from error

    def _send(self, method: str, path: str, options: dict[str, Any], patience: float | None) -> requests.Response:
        # A session for each request: requests' are not made for threads, and a connection that the server closed while it
        # lay idle would make a label's upload fail that must not be sent twice.
        with requests.Session() as session:
            for scheme in ("http://", "https://"):
                session.mount(scheme, AliveAdapter())
            return session.request(
                method,
                self.url + path,
                timeout=(self.timeouts[0], patience or self.timeouts[1]),
                verify=self.verify,
                auth=_Bearer(self.token),
                allow_redirects=False,
                stream=True,
                # A proxy of the hospital cannot reach a server on this machine.
                proxies={"no_proxy": urlsplit(self.url).hostname} if is_loopback(self.url) else None,
                **options,
            )


def _asked_pause(answer: requests.Response, pause: float) -> float:
    asked = answer.headers.get("Retry-After", "")
    return min(float(asked), _LONGEST_PAUSE) if asked.isdigit() else pause


def _answered(answer: requests.Response, job: Job) -> Answered:
    content_type = answer.headers.get("Content-Type", "")
    content = _read(answer, job, _LARGEST_FORM)
    if content_type.startswith("multipart/"):
        return parse(content, content_type)
    return Answered(failures.object_of(failures.json_of(content)))


def _read(answer: requests.Response, job: Job, limit: int) -> bytes:
    content = bytearray()
    for chunk in _chunks(answer, job):
        content += chunk
        if len(content) > limit:
            raise ServerError("The server's answer does not end; ask its administrator.", "bad answer")
    return bytes(content)


def _chunks(answer: requests.Response, job: Job) -> Iterator[bytes]:
    length = answer.headers.get("Content-Length", "")
    total = int(length) if length.isdigit() and "Content-Encoding" not in answer.headers else None
    done = 0
    for chunk in answer.iter_content(_CHUNK):
        job.check()
        done += len(chunk)
        job.report(done, total)
        yield chunk
    if total is not None and done < total:
        raise requests.ConnectionError("the answer ended too early")
