"""The page in a browser: a bag with its slider, and live frames as they come."""

import json
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager

import cv2
import numpy as np
import pytest

from hdnet_ros.cli.view import server as server_module
from hdnet_ros.cli.view.bag_frames import BagFrames
from hdnet_ros.cli.view.frames import LiveFrames
from hdnet_ros.cli.view.server import ViewServer


@contextmanager
def served(frames):
    server = ViewServer(frames)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def until(condition, limit_s=15.0):
    deadline = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.03)
    return found


def frame_shown(browser):
    return browser.execute_script("return document.body.dataset.frame")


def has_colour(browser, canvas, rgb):
    """Whether some pixel of a canvas is of a colour, but for rounding."""
    return browser.execute_script(
        "const c = document.getElementById(arguments[0]), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "for (let i = 0; i < d.length; i += 4) if (arguments[1].every((v, k) => Math.abs(d[i + k] - v) < 6)) return true;"
        "return false",
        canvas,
        list(rgb),
    )


@pytest.fixture(scope="module")
def bag(write_bag, tmp_path_factory):
    frames = BagFrames(write_bag(tmp_path_factory.mktemp("bags") / "walk", "image", "info", "tf", "tracks"))
    yield frames
    frames.close()


def test_bag_in_a_browser(browser, bag):
    from hdnet_ros.viz.theme import colour_of

    with served(bag) as url:
        browser.get(url)
        until(lambda: frame_shown(browser) == "0")
        browser.execute_script(
            "const s = document.getElementById('slider'); s.value = 5; s.dispatchEvent(new Event('input'))"
        )
        until(lambda: frame_shown(browser) == "5")
        text = browser.execute_script("return document.body.innerText")
        assert "walk" in text and "tester" in text and "2 tracks" in text and "optical in odom" in text
        assert "0.50 / 0.70 s, frame 6 of 8" in text
        assert has_colour(browser, "picture", (50, 120, 60))  # the picture of frame 5
        for canvas in ("picture", "ground"):
            assert has_colour(browser, canvas, colour_of("p1")), canvas
        browser.execute_script("document.getElementById('play').click()")
        until(lambda: frame_shown(browser) == "7")
        until(lambda: browser.execute_script("return document.getElementById('play').textContent") == "Play")
        # Reading pixels as this test does makes Chromium warn.
        assert [entry for entry in browser.get_log("browser") if entry["level"] != "WARNING"] == []


def test_live_frames_show_as_they_come(browser, persons_of):
    from hdnet_ros.cli.view.scene import scene

    jpeg = cv2.imencode(".jpg", np.full((240, 320, 3), 128, np.uint8))[1].tobytes()
    frames = LiveFrames("/hdnet_node/persons")
    with served(frames) as url:
        browser.get(url)
        until(lambda: "waiting" in browser.execute_script("return document.body.innerText"))
        for number in range(3):
            frames.push(scene(persons_of(number)), jpeg)
            until(lambda: frame_shown(browser) == str(number))
        assert "2 people" in browser.execute_script("return document.body.innerText")
        assert not browser.execute_script("return document.getElementById('slider').offsetParent !== null")
        browser.get("about:blank")  # ends the stream of events


def test_server_says_what_it_does_not_have(bag):
    with served(bag) as url:
        info = json.load(urllib.request.urlopen(url + "info"))
        assert len(info["stamps_s"]) == 8 and len(info["links"]) == 16
        for path in ("scene/8", "scene/../../etc/passwd", "nothing"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(url + path)


def test_live_frames_forget_the_oldest(persons_of):
    from hdnet_ros.cli.view.frames import KEPT_FRAMES
    from hdnet_ros.cli.view.scene import scene

    frames = LiveFrames("t")
    assert frames.wait(-1, 0.0) == -1 and frames.scene(0) is None
    for _ in range(KEPT_FRAMES + 1):
        frames.push(scene(persons_of(0)), b"picture")
    assert frames.wait(3, 0.0) == KEPT_FRAMES
    assert frames.scene(0) is None and frames.jpeg(0) is None
    assert frames.jpeg(KEPT_FRAMES) == b"picture"


def asked(url, path="", **headers):
    request = urllib.request.Request(url + path, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10.0) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("host", ["localhost:8750", "127.0.0.1", "[::1]:8750", "192.168.7.3:8750"])
def test_a_host_that_is_this_machine_is_answered(bag, host):
    with served(bag) as url:
        assert asked(url, "info", Host=host) == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:8750", "", "evil.example:80", "127.0.0.1.evil.example"])
@pytest.mark.parametrize("path", ["", "info", "scene/0", "image/0", "events"])
def test_a_page_of_somebody_elses_name_reads_nothing(bag, host, path):
    with served(bag) as url:
        assert asked(url, path, Host=host) == 403


@pytest.mark.parametrize("path", ["scene/" + "9" * 5000, "scene/%C2%B2", "image/-1", "../../etc/passwd", "scene/0/1"])
def test_a_path_that_is_none_is_404(bag, path):
    with served(bag) as url:
        assert asked(url, path) == 404


def test_more_connections_than_there_may_be_are_told_so_and_the_next_is_answered(bag, monkeypatch):
    monkeypatch.setattr(server_module, "MOST_CONNECTIONS", 3)
    with served(bag) as url:
        place = urllib.parse.urlsplit(url)
        silent = [socket.create_connection((place.hostname, place.port)) for _ in range(3)]
        assert until(lambda: asked(url, "info") == 503)
        for connection in silent:
            connection.close()
        assert until(lambda: asked(url, "info") == 200)


def test_who_says_nothing_is_sent_away(bag, monkeypatch):
    monkeypatch.setattr(server_module._Handler, "timeout", 0.2)
    with served(bag) as url:
        place = urllib.parse.urlsplit(url)
        with socket.create_connection((place.hostname, place.port)) as silent:
            silent.sendall(b"GET /info HTTP/1.1\r\nHost: localhost\r\nX-Slow")
            silent.settimeout(10.0)
            assert silent.recv(1) == b""
