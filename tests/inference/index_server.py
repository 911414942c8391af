"""A small package index on loopback: PEP 503 pages and wheels that hold one part each, with faults on demand."""

from __future__ import annotations

import io
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


def wheel(name: str, version: str, members: dict[str, bytes]) -> bytes:
    """Return a wheel with the metadata that pip wants to see, and these files."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    files = {
        **members,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return packed.getvalue()


@dataclass
class IndexServer:
    """Serves `packages`: wheels by the names of their projects, all in one version."""

    packages: dict[str, bytes]
    version: str
    fetched: list[str] = field(default_factory=list)
    """The projects whose wheel was asked for, in order."""

    def __enter__(self) -> Self:
        index = self

        class Handler(_Handler):
            served = index

        self._server = _Server(("127.0.0.1", 0), Handler)
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
        """The index's address, as pip takes it."""
        return f"http://127.0.0.1:{self._server.server_port}/simple/"


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet where pip was stopped in the middle of a file."""


class _Handler(BaseHTTPRequestHandler):
    served: IndexServer

    def do_GET(self) -> None:
        kind, name = self.path.strip("/").split("/")[:2]
        content = self.served.packages.get(name)
        if content is None:
            self._send(404, b"", "text/plain")
        elif kind == "simple":
            file = f"{name.replace('-', '_')}-{self.served.version}-py3-none-any.whl"
            page = f'<!DOCTYPE html><html><body><a href="/files/{name}/{file}">{file}</a></body></html>'
            self._send(200, page.encode(), "text/html")
        else:
            self.served.fetched.append(name)
            self._send(200, content, "application/octet-stream")

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
