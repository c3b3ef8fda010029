"""The page over HTTP: itself, frames as JSON, pictures as JPEG, and the number of each live frame as it comes."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from hdnet_ros.core.skeleton import LINKS, ROOT
from hdnet_ros.cli.view.frames import Frames
from hdnet_ros.viz.theme import ID_COLOURS

PAGE = Path(__file__).with_name("page.html")
_EVENT_WAIT_S = 1.0


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
        super().__init__((host, port), _Handler)
        self.frames = frames

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{'localhost' if host in ('0.0.0.0', '127.0.0.1') else host}:{port}/"


class _Handler(BaseHTTPRequestHandler):
    server: ViewServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        kind, _, number = self.path.partition("?")[0].strip("/").partition("/")
        answers = {"": self._page, "info": self._info, "scene": self._scene, "image": self._image}
        try:
            if kind == "events":
                self._events()
            elif kind in answers and (not number or number.isdigit()):
                answers[kind](int(number or 0))
            else:
                self._send(404, "text/plain", b"no such page")
        except (BrokenPipeError, ConnectionResetError):
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
