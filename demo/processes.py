"""Starts the demo's processes, and stops every one of them, however the demo ends."""

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1


class PortTaken(RuntimeError):
    """Another program listens where the demo wants to; the message says how to choose another port."""


def check_port(port: int, *, what: str, variable: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortTaken(
                f"Port {port}, for {what}, is in use by another program. Stop it, or choose another port: {variable}={port + 1} make demo"
            ) from error


def _die_with_parent():
    """In the child: be told to end when the demo is killed outright (Linux; elsewhere the next start clears up)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _command_line(pid: int) -> str:
    done = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip()


@dataclass
class Processes:
    """The children of one demo. `pid_file` remembers them for the next start, should this one be killed."""

    folder: Path
    environment: dict[str, str] | None = None  # of the children; their parent's unless said
    running: dict[str, subprocess.Popen] = field(default_factory=dict)

    @property
    def pid_file(self) -> Path:
        return self.folder / "processes.json"

    def clear_left_overs(self) -> None:
        """End the children of a demo that was killed: those whose process still has the command we started."""
        try:
            left = json.loads(self.pid_file.read_text())
        except (OSError, ValueError):
            return
        for entry in left:
            if _command_line(entry["pid"]) == entry["command"]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(entry["pid"], signal.SIGKILL)
        self.pid_file.unlink(missing_ok=True)

    def start(self, name: str, *arguments: str) -> subprocess.Popen:
        """Start one child in a session of its own; its output goes to a log file named after it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env=self.environment, preexec_fn=_die_with_parent,  # noqa: PLW1509 (no threads run yet when the demo starts its children)
            )  # fmt: skip
        self.running[name] = process
        entries = [{"pid": p.pid, "command": _command_line(p.pid)} for p in self.running.values()]
        self.pid_file.write_text(json.dumps(entries))
        return process

    def wait_for_port(self, name: str, port: int, patience_s: float = 60) -> None:
        begun = time.monotonic()
        while time.monotonic() - begun < patience_s:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            self.check()
            time.sleep(0.05)
        raise RuntimeError(
            f"{name} did not answer on port {port} within {patience_s:.0f} s; see {self.folder / name}.log"
        )

    def check(self) -> None:
        """Raise if a child has ended, with the end of its log."""
        for name, process in self.running.items():
            if process.poll() is not None:
                log = (self.folder / f"{name}.log").read_text(errors="replace").splitlines()[-15:]
                raise RuntimeError(f"{name} ended by itself (code {process.returncode}):\n" + "\n".join(log))

    def stop(self, patience_s: float = 15) -> None:
        """Ask every child to end, the last started first; insist after a while."""
        children = list(self.running.values())[::-1]
        for process in children:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + patience_s
        for process in children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.running.clear()
        self.pid_file.unlink(missing_ok=True)
