"""A small server on loopback that answers a chat completion with the bytes of a script, at its pace."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

Send = Callable[[bytes], None]
Script = Callable[[Send, threading.Event], None]
"""Sends bytes; the event is set once the client has gone, or the test is over."""

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


def event(chunk: object) -> bytes:
    """Return a chunk as an event of the stream."""
    return f"data: {json.dumps(chunk)}\n\n".encode()


def chunk(delta: object, finish: str | None = None, **more: object) -> dict[str, Any]:
    """Return a chunk of a chat completion."""
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def words(*texts: str) -> list[bytes]:
    """Return a whole reply, a token a text, as most servers stream it."""
    parts = [chunk({"role": "assistant", "content": None})]
    parts += [chunk({"content": text}) for text in texts]
    return [*(event(part) for part in [*parts, chunk({}, "stop")]), b"data: [DONE]\n\n"]


def streams(*pieces: bytes, head: bytes = HEAD, pause_s: float = 0.0) -> Script:
    """Return a script that sends these pieces, with pauses before each but the first."""

    def script(send: Send, over: threading.Event) -> None:
        send(head)
        for number, piece in enumerate(pieces):
            if number and over.wait(pause_s):
                return
            send(piece)

    return script


def waits(send: Send, over: threading.Event) -> None:
    """Take the request, and say nothing."""
    over.wait()


def answers(status: str, body: bytes, kind: str = "application/json") -> Script:
    """Return a script that answers at once, with a body of a length."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return streams(body, head=head.encode())


class EndpointServer(socketserver.ThreadingTCPServer):
    """Serves one script; `requests` are the bodies that came, `paths` and `keys` where to and with what key."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script, self.over = script, threading.Event()
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.keys: list[str] = []
        self.gone = threading.Event()
        """Set once a client has closed its connection before the script's end."""

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, EndpointServer)
        server.paths.append(self.rfile.readline().decode().split()[1])
        length = 0
        while line := self.rfile.readline().strip().decode():
            name, _, value = line.partition(":")
            length = int(value) if name.lower() == "content-length" else length
            if name.lower() == "authorization":
                server.keys.append(value.strip())
        server.requests.append(json.loads(self.rfile.read(length)))
        left = threading.Event()
        watching = threading.Thread(target=self._watch, args=(left,), daemon=True)
        watching.start()

        def send(data: bytes) -> None:
            self.wfile.write(data)

        with suppress(OSError):
            server.script(send, left)

    def _watch(self, left: threading.Event) -> None:
        server = self.server
        assert isinstance(server, EndpointServer)
        with suppress(OSError):
            self.connection.settimeout(60)
            self.connection.recv(1)
        left.set()
        server.gone.set()


@contextmanager
def serving(script: Script) -> Iterator[EndpointServer]:
    """Serve a script until the block ends."""
    server = EndpointServer(script)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
