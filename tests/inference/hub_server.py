"""A small hub on loopback: enough of Hugging Face's resolve protocol for one file, with faults on demand."""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

COMMIT = "c" * 40


@dataclass
class HubFile:
    """What the hub says and sends for one path."""

    content: bytes
    etag: str | None = None
    """As x-linked-etag; None sends the Git-like etag of a small file."""
    announced_bytes: int | None = None
    """As x-linked-size; None announces the true size."""


@dataclass
class Request:
    """One request that arrived."""

    method: str
    path: str
    range: str | None


@dataclass
class HubServer:
    """Serves `files`, keyed by repository path; a context manager that stops its server and threads."""

    files: dict[str, HubFile]
    cut_after: list[int] = field(default_factory=list)
    """For the next GETs in turn: break the connection off after so many bytes."""
    answers: list[int] = field(default_factory=list)
    """For the next GETs in turn: the HTTP status to fail with; 0 serves as usual."""
    ranges: bool = True
    """Whether Range requests are honoured."""
    requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> Self:
        hub = self

        class Handler(_Handler):
            server_hub = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def gets(self) -> list[Request]:
        return [request for request in self.requests if request.method == "GET"]


class _Handler(BaseHTTPRequestHandler):
    server_hub: HubServer
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        file = self._file("HEAD")
        if file:
            self._head(200, file, len(file.content), file.announced_bytes)

    def do_GET(self) -> None:
        file = self._file("GET")
        if file is None:
            return
        hub = self.server_hub
        status = hub.answers.pop(0) if hub.answers else 0
        if status:
            self._fail(status)
            return
        start = self._start() if hub.ranges else 0
        body = file.content[start:]
        if start and not body:
            self._fail(416)
            return
        self._head(206 if start else 200, file, len(body), None)
        cut = hub.cut_after.pop(0) if hub.cut_after else len(body)
        self.wfile.write(body[:cut])
        if cut < len(body):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""

    def _file(self, method: str) -> HubFile | None:
        self.server_hub.requests.append(Request(method, self.path, self.headers.get("Range")))
        match = re.fullmatch(rf"/[^/]+/[^/]+/resolve/{COMMIT}/(.+)", self.path)
        file = self.server_hub.files.get(match[1]) if match else None
        if file is None:
            self._fail(404)
        return file

    def _start(self) -> int:
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        return int(match[1]) if match else 0

    def _head(self, status: int, file: HubFile, length: int, announced_bytes: int | None) -> None:
        self.send_response(status)
        self.send_header("x-repo-commit", COMMIT)
        self.send_header("etag", f'"{file.etag or hashlib.sha1(file.content).hexdigest()}"')
        if file.etag:
            self.send_header("x-linked-etag", f'"{file.etag}"')
        if announced_bytes is not None:
            self.send_header("x-linked-size", str(announced_bytes))
        if status == 206:
            total = len(file.content)
            self.send_header("content-range", f"bytes {total - length}-{total - 1}/{total}")
        self.send_header("content-length", str(length))
        self.end_headers()

    def _fail(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        if status == 404:
            self.send_header("x-error-code", "EntryNotFound")
        self.end_headers()
