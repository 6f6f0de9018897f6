"""The private servers: shared, stopped by the last, and found again after every kind of death."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import redis

from config import embedded
from config.embedded import EmbeddedError, Postgres, Redis

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def var(tmp_path):
    for folder in [tmp_path, *tmp_path.parents]:  # pytest's folders are private; most tests want an ordinary place
        if folder.owner() == pwd.getpwuid(os.geteuid()).pw_name and folder != Path("/tmp"):
            folder.chmod(0o755)
    yield tmp_path / "var"
    if (tmp_path / "var").exists():
        embedded.clean(tmp_path / "var")


def _user(var, kind, *, then="input()"):
    """Another process that uses the server, and says so; it lives until its input ends."""
    code = f"from pathlib import Path; from config.embedded import {kind}; s = {kind}(Path({str(var)!r})); s.ensure(); print('up', flush=True); {then}"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "up\n"
    return process


def _leave(process):
    process.stdin.close()
    process.wait(120)


def test_processes_share_one_postgres_and_the_last_one_stops_it(var):
    first = _user(var, "Postgres")
    second = _user(var, "Postgres")
    server = Postgres(var)
    pid = server.postmaster()
    assert pid
    _leave(first)
    assert server.postmaster() == pid
    _leave(second)
    assert server.postmaster() is None


def test_processes_share_one_redis_and_the_last_one_stops_it(var):
    first, second = _user(var, "Redis"), _user(var, "Redis")
    server = Redis(var)
    _leave(first)
    assert redis.Redis(unix_socket_path=str(server.socket)).ping()
    _leave(second)
    assert not server.is_running()


def test_a_server_whose_users_were_all_killed_is_found_again_and_stopped_in_the_end(var):
    user = _user(var, "Postgres")
    user.kill()
    user.wait()
    server = Postgres(var)
    orphan = server.postmaster()
    assert orphan
    server.ensure()
    assert server.postmaster() == orphan
    server.release()
    assert server.postmaster() is None


def test_a_postgres_killed_in_mid_work_recovers_and_keeps_what_was_committed(var):
    server = Postgres(var)
    server.ensure()
    with psycopg.connect(server.dsn(), autocommit=True) as db:
        db.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(server.postmaster(), signal.SIGKILL)
    again = Postgres(var)
    again.ensure()
    with psycopg.connect(again.dsn()) as db:
        assert db.execute("SELECT answer FROM kept").fetchone() == (42,)
    server.release()
    again.release()


def test_a_process_id_taken_over_by_another_program_does_not_block_the_start(var):
    server = Postgres(var)
    server.ensure()
    server.release()
    pid_file = server.data / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{server.data}\n")  # this very test is not a postmaster
    (server.sockets / f".s.PGSQL.{server.port}").touch()
    server.ensure()
    assert server.postmaster() not in {None, os.getpid()}
    server.release()


def test_a_dead_redis_leaves_a_socket_and_a_process_id_that_do_not_matter(var):
    server = Redis(var)
    server.ensure()
    os.kill(int((var / "redis.pid").read_text()), signal.SIGKILL)
    again = Redis(var)
    deadline = time.monotonic() + 120
    while again.is_running() and time.monotonic() < deadline:
        time.sleep(0.02)
    again.ensure()
    assert redis.Redis(unix_socket_path=str(again.socket)).ping()
    server.release()
    again.release()


def test_a_half_made_data_folder_is_made_anew(var):
    server = Postgres(var)
    server.home.mkdir(parents=True)
    (server.data / "base").mkdir(parents=True)
    server.ensure()
    assert server.postmaster()
    server.release()


def test_data_of_another_major_version_is_named_with_the_way_out(var):
    server = Postgres(var)
    server.data.mkdir(parents=True)
    (server.data / "PG_VERSION").write_text("16\n")
    with pytest.raises(EmbeddedError, match=r"made by PostgreSQL 16, and this release runs 18.*make clean"):
        server.ensure()
    shutil.rmtree(server.home)


def test_a_full_disk_is_named_before_anything_is_written(var, monkeypatch):
    monkeypatch.setattr(embedded, "FREE_BYTES_MIN", 10**18)
    with pytest.raises(EmbeddedError, match=r"MB are free at .*Free some space"):
        Postgres(var).ensure()
    assert not (var / "postgres").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedError, match=r"Cannot create .*REGULARS_VAR"):
        Redis(tmp_path / "file" / "var").ensure()


def test_the_serving_role_may_not_create_tables_and_the_owner_may(var):
    server = Postgres(var)
    server.ensure()
    with (
        psycopg.connect(server.dsn(embedded.APP_ROLE, embedded.DATABASE)) as db,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        db.execute("CREATE TABLE mine (a int)")
    with psycopg.connect(server.dsn(embedded.OWNER_ROLE, embedded.DATABASE)) as db:
        db.execute("CREATE TABLE ours (a int)")
    server.release()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs to lend the server to an unprivileged user")
def test_root_in_a_private_folder_runs_the_server_as_an_unprivileged_user(tmp_path):
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    server = Postgres(private / "var")
    try:
        server.ensure()
        assert Path(f"/proc/{server.postmaster()}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
        assert not server.home.is_relative_to(private)
        assert (private.stat().st_mode & 0o777) == 0o700
        server.release()
    finally:
        embedded.clean(private / "var")
    assert not server.home.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs to lend the programs to an unprivileged user")
def test_root_with_a_private_environment_runs_a_copy_of_the_programs(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded, "_others_may_enter", lambda _path: False)
    server = Postgres(tmp_path / "var")
    try:
        server.ensure()
        assert server.bin.is_relative_to(server.home.parent)
        with psycopg.connect(server.dsn()) as db:
            assert db.execute("SELECT 1").fetchone() == (1,)
        server.release()
    finally:
        embedded.clean(tmp_path / "var")
    assert not server.home.parent.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs every test of this file as one already")
def test_an_ordinary_user_starts_the_servers_too(var):
    var.mkdir()
    nobody = pwd.getpwnam("nobody")
    os.chown(var, nobody.pw_uid, nobody.pw_gid)
    programs = Postgres(var.parent / "lender").bin  # a copy, where this environment is root's alone
    child = os.fork()
    if child == 0:  # a fork: the interpreter itself may lie where only root may look
        code = 1
        try:
            os.setgroups([])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)
            Postgres.bin = programs
            server = Postgres(var)
            server.ensure()
            with psycopg.connect(server.dsn()) as db:
                code = 0 if db.execute("SELECT 1").fetchone() == (1,) else 2
            server.release()
            shutil.rmtree(server.sockets, ignore_errors=True)
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_postgres_sixteen_serves_too(var):
    server = Postgres(var, major=16)
    server.ensure()
    with psycopg.connect(server.dsn()) as db:
        assert db.execute("SHOW server_version_num").fetchone()[0].startswith("16")
    server.release()
