"""Signals, sent to a process that does as an experiment does, without TensorFlow."""

import signal
import subprocess
import sys
import time

import pytest

PROGRAM = """
import hashlib, sys, time
from gan_paper.signals import Interrupted, Signals

signals = Signals()
try:
    with signals.caught():
        if sys.argv[1] == "deferred":
            with signals.deferred():
                print("ready", flush=True)
                hashlib.pbkdf2_hmac("sha256", b"", b"", int(sys.argv[2]))  # one long call, as of TensorFlow
                print("finished", signals.received, flush=True)
                signals.check()
        else:
            print("ready", flush=True)
            time.sleep(60)
except Interrupted as interrupted:
    sys.exit(interrupted.status)
"""


def started(*arguments):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_process_with_its_status(number, status):
    process = started("at once", "0")
    process.send_signal(number)
    out, errors = process.communicate(timeout=30)
    assert (process.returncode, out, errors) == (status, "", "")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_deferred_signal_waits_for_the_call(number, status):
    process = started("deferred", "3000000")
    process.send_signal(number)
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out, errors) == (status, f"finished {number}\n", "")


def test_a_second_signal_stops_at_once():
    process = started("deferred", "2000000000")  # ten minutes or more
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130 and out == ""


def test_handlers_are_put_back():
    from gan_paper.signals import Signals

    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Signals().caught():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
