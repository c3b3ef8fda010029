"""Rates, verdicts and throttled lines against a clock that the test holds."""

import pytest

from hdnet_ros.pipeline.bad_input import BadInput, Throttle
from hdnet_ros.ros.logbook import Logbook
from hdnet_ros.ros.statistics import Meter, NodeStatistics


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


def test_rate_over_the_last_seconds():
    clock = Clock()
    meter = Meter(clock)
    for _ in range(20):
        meter.tick()
        clock.now_s += 0.1
    assert meter.rate_hz() == pytest.approx(10.0)
    assert meter.age_s() == pytest.approx(0.1)
    clock.now_s += 60.0
    assert meter.rate_hz() == 0.0 and meter.total == 20


def test_throttle_counts_what_it_holds_back_and_forgets():
    clock = Clock()
    throttle = Throttle(period_s=5.0, clock=clock)
    assert throttle.admit("a") == 0
    assert [throttle.admit("a") for _ in range(3)] == [None] * 3
    assert throttle.admit("b") == 0
    clock.now_s += 5.0
    assert throttle.admit("a") == 3
    clock.now_s += 1000.0
    throttle.admit("c")
    assert len(throttle._said) == 1


def test_the_same_complaint_with_other_numbers_is_said_once():
    class Logger:
        lines = []
        warning = lines.append

    statistics = NodeStatistics(("image",))
    logbook = Logbook(Logger, statistics, {"image": "/camera/image"})
    for step in range(5):
        logbook.bad_input(BadInput("image", f"step {step} bytes, expected 1920"))
    assert Logger.lines == ["image (/camera/image): step 0 bytes, expected 1920"]
    values = statistics.report().values
    assert values["bad input"] == "5"
    assert values["last bad input"] == "image (/camera/image): step 4 bytes, expected 1920"


def test_the_worst_news_is_the_verdict():
    clock = Clock()
    statistics = NodeStatistics(("image",), clock)
    statistics.answer(people=2, inference_ms=7.0, stamp_age_ms=20.0)
    assert statistics.report().level == "ok"
    assert statistics.report().values["inference median (ms)"] == "7.0"
    statistics.standing_warning = "no weights"
    assert statistics.report().message == "no weights"
    assert statistics.report("nothing on /image").message == "nothing on /image"
    statistics.bad_input("image: broken")
    assert statistics.report("nothing on /image").message == "image: broken"
    clock.now_s += 10.0
    assert statistics.report().message == "no weights"
    statistics.standing_error = "no estimator"
    assert (statistics.report().level, statistics.report().message) == ("error", "no estimator")
