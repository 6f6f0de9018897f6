"""The demo's children end with it, in whatever way it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo.processes import PortTaken, Processes, check_port

ROOT = Path(__file__).resolve().parents[2]
SLEEP = ("-c", "import time; time.sleep(600)")


def _is_alive(pid):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def _gone(pid, patience_s=120):
    deadline = time.monotonic() + patience_s
    while _is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not _is_alive(pid)


def test_stop_ends_every_child(tmp_path):
    processes = Processes(tmp_path)
    pids = [processes.start(name, *SLEEP).pid for name in ("one", "two")]
    processes.stop()
    assert all(_gone(pid) for pid in pids)
    assert not processes.pid_file.exists()


def test_a_child_that_does_not_listen_is_killed(tmp_path):
    processes = Processes(tmp_path)
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    pid = processes.start("deaf", "-c", deaf).pid
    while "deaf" not in (tmp_path / "deaf.log").read_text():
        time.sleep(0.02)
    processes.stop(patience_s=0.3)
    assert _gone(pid)


def test_children_end_when_the_demo_is_killed_outright(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from demo.processes import Processes\n"
        f"p = Processes(Path({str(tmp_path)!r})).start('child', '-c', 'import time; time.sleep(600)')\n"
        "print(p.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    assert _is_alive(pid)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert _gone(pid)


def test_left_overs_of_a_killed_demo_are_cleared_but_a_strangers_process_is_not(tmp_path):
    processes = Processes(tmp_path)
    left = processes.start("left", *SLEEP)
    stranger = subprocess.Popen([sys.executable, *SLEEP])
    text = processes.pid_file.read_text()
    processes.pid_file.write_text(text[:-1] + f', {{"pid": {stranger.pid}, "command": "something else"}}]')
    Processes(tmp_path).clear_left_overs()
    assert left.wait(120) == -signal.SIGKILL
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_child_that_ends_by_itself_is_reported_with_its_last_words(tmp_path):
    processes = Processes(tmp_path)
    processes.start("brief", "-c", "raise SystemExit('no such brand')").wait()
    with pytest.raises(RuntimeError, match=r"(?s)brief ended by itself.*no such brand"):
        processes.check()
    processes.stop()


def test_a_taken_port_is_named_with_the_way_out():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"Port {port}, for the pages, is in use.*DEMO_PORT={port + 1} make demo"):
            check_port(port, what="the pages", variable="DEMO_PORT")
    assert os.getpid()
