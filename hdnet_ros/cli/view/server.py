"""The page over HTTP: itself, frames as JSON, pictures as JPEG, and the number of each live frame as it comes."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from hdnet_ros.core.skeleton import LINKS, ROOT
from hdnet_ros.cli.view.frames import Frames
from hdnet_ros.viz.theme import ID_COLOURS

PAGE = Path(__file__).with_name("page.html")
_EVENT_WAIT_S = 1.0
# A browser opens six connections and one for events; a few of them look at once.
MOST_CONNECTIONS = 64
# Who says nothing for so long, or takes nothing, goes.
_SILENCE_S = 20.0
_MOST_DIGITS = 12
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class ViewServer(ThreadingHTTPServer):
    """Serves one source of frames; `port` 0 takes a free one.

    Raises
    ------
    OSError : the port is taken, or the host is none of this machine's
    """

    daemon_threads = True
    # A browser that keeps listening must not keep the process alive.
    block_on_close = False

    def __init__(self, frames: Frames, host: str = "127.0.0.1", port: int = 0):
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._names = {"localhost", host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}
        super().__init__((host, port), _Handler)
        self.frames = frames

    def is_named(self, host: str) -> bool:
        """Say whether a Host header names this machine: by an address, or by a name that is its own.

        A page of somebody else's whose name was made to lead here (DNS rebinding) still sends that
        name, and must not read what is shown.
        """
        name = host.strip().lower()
        name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name.removesuffix(".local") in {known.removesuffix(".local") for known in self._names}
        return True

    def process_request(self, request, client_address) -> None:
        """Answer in a thread of its own; more connections than there may be are told so and closed."""
        if not self._free.acquire(blocking=False):
            with contextlib.suppress(OSError):
                request.settimeout(0.1)
                request.sendall(_BUSY)
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request, client_address) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request, client_address) -> None:
        """Say nothing of a client that went away; anything else is a fault of the page's."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{'localhost' if host in ('0.0.0.0', '127.0.0.1') else host}:{port}/"


class _Handler(BaseHTTPRequestHandler):
    server: ViewServer
    protocol_version = "HTTP/1.1"
    timeout = _SILENCE_S

    def do_GET(self) -> None:
        if not self.server.is_named(self.headers.get("Host", "")):
            self._send(403, "text/plain", b"the Host header is no name of this machine; use its address")
            return
        kind, _, number = self.path.partition("?")[0].strip("/").partition("/")
        answers = {"": self._page, "info": self._info, "scene": self._scene, "image": self._image}
        try:
            if kind == "events":
                self._events()
            elif kind in answers and _is_count(number):
                answers[kind](int(number or 0))
            else:
                self._send(404, "text/plain", b"no such page")
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True

    def log_message(self, *_) -> None:
        """Say nothing of each request."""

    def _page(self, _) -> None:
        self._send(200, "text/html; charset=utf-8", PAGE.read_bytes())

    def _info(self, _) -> None:
        frames = self.server.frames
        self._json({
            "title": frames.title, "stamps_s": frames.stamps_s,
            "links": LINKS, "root": ROOT, "colours": ID_COLOURS,
        })  # fmt: skip

    def _scene(self, number: int) -> None:
        found = self.server.frames.scene(number)
        if found is None:
            self._send(404, "text/plain", b"no such frame")
        else:
            self._json(found)

    def _image(self, number: int) -> None:
        found = self.server.frames.jpeg(number)
        if found is None:
            # Not an error: a bag may hold people without pictures.
            self._send(204, "image/jpeg", b"")
        else:
            self._send(200, "image/jpeg", found)

    def _events(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        number = -1
        while True:
            newest = self.server.frames.wait(number, _EVENT_WAIT_S)
            line = f"data: {newest}\n\n" if newest > number else ": still here\n\n"
            number = max(number, newest)
            self.wfile.write(line.encode())
            self.wfile.flush()

    def _json(self, value) -> None:
        self._send(200, "application/json", json.dumps(value, allow_nan=False).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)


def _is_count(number: str) -> bool:
    return not number or (number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS)
