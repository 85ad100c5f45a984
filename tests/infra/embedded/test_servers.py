"""The hall's own servers: what they keep, whom they let in, and that they always start again."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from guildhall.infra.database import asyncpg_arguments
from guildhall.infra.embedded import HallLock, Occupancy, Premises, servers_for
from guildhall.infra.embedded import premises as premises_module
from guildhall.infra.embedded import servers as servers_module
from guildhall.infra.embedded.processes import is_running
from guildhall.infra.endpoints import Endpoints
from guildhall.infra.settings import (
    DatabaseSettings,
    HallSettings,
    RedisSettings,
    Settings,
    SettingsFault,
)

# Commits a row and a key, says so, and waits to be killed with both servers running.
VICTIM = """
import asyncio, asyncpg
from redis.asyncio import Redis
from guildhall.infra.database import asyncpg_arguments
from guildhall.infra.embedded import servers_for
from guildhall.infra.settings import Settings

async def main():
    async with servers_for(Settings.load()) as endpoints:
        connection = await asyncpg.connect(**asyncpg_arguments(endpoints.owner_url))
        await connection.execute("CREATE TABLE kept (word text)")
        await connection.execute("INSERT INTO kept VALUES ('acknowledged')")
        redis = Redis.from_url(endpoints.redis_url)
        await redis.set("kept", "acknowledged")
        await asyncio.sleep(1.2)  # appendfsync everysec
        print("committed", flush=True)
        await asyncio.sleep(3600)

asyncio.run(main())
"""


def moved(settings: Settings, to: Path) -> Settings:
    settings.hall.data_dir.rename(to)
    return replace(settings, hall=HallSettings(data_dir=to))


async def asked(endpoints: Endpoints, query: str) -> object:
    connection = await asyncpg.connect(**asyncpg_arguments(endpoints.owner_url))
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@contextmanager
def victim(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", VICTIM], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "committed\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def sleeper(uid: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that is nothing to us, under the account of the servers."""
    process = subprocess.Popen(["/bin/sleep", "600"], user=uid if os.geteuid() == 0 else None)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def account_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def copy(source: Path, to: Path) -> None:
    subprocess.run(["/bin/cp", "-a", source, to], check=True)


def postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])


async def ends(pid: int) -> bool:
    for _ in range(500):
        if not is_running(pid):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_new_hall_gets_postgresql_18_with_pgvector_and_a_valkey(new: Settings) -> None:
    async with servers_for(new) as endpoints:
        assert str(await asked(endpoints, "SHOW server_version")).startswith("18")
        assert await asked(endpoints, "SELECT current_database()") == "guildhall"
        assert await asked(
            endpoints, "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector')"
        )
        async with Redis.from_url(endpoints.redis_url) as redis:
            assert (await redis.config_get("maxmemory-policy"))["maxmemory-policy"] == "noeviction"
            assert (await redis.config_get("appendonly"))["appendonly"] == "yes"


async def test_servers_listen_on_sockets_only(settings: Settings) -> None:
    async with servers_for(settings) as endpoints:
        assert await asked(endpoints, "SHOW listen_addresses") == ""
        async with Redis.from_url(endpoints.redis_url) as redis:
            assert (await redis.config_get("port"))["port"] == "0"


async def test_without_the_password_nobody_comes_in(settings: Settings) -> None:
    async with servers_for(settings) as endpoints:
        arguments = asyncpg_arguments(endpoints.database_url) | {"password": "wrong"}
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(**arguments)


async def test_servers_and_their_files_are_gone_when_the_command_ends(settings: Settings) -> None:
    async with servers_for(settings):
        pid = postmaster(settings.hall.data_dir)
    assert not is_running(pid)
    assert list(Premises.of(settings.hall.data_dir).sockets.iterdir()) == []
    assert not (settings.hall.data_dir / "run" / "hall.json").exists()


async def test_the_second_start_finds_what_the_first_has_written(settings: Settings) -> None:
    async with servers_for(settings) as endpoints:
        await asked(endpoints, "CREATE TABLE kept ()")
        first = endpoints.secret_key
    async with servers_for(settings) as endpoints:
        assert await asked(endpoints, "SELECT count(*) FROM kept") == 0
        assert endpoints.secret_key == first


@pytest.mark.parametrize("secret", ["postgres_password", "secret_key"])
async def test_only_the_owner_reads_the_secrets(new: Settings, secret: str) -> None:
    async with servers_for(new):
        path = new.hall.data_dir / "secrets" / secret
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_only_the_owner_reaches_data_and_sockets(new: Settings) -> None:
    async with servers_for(new):
        premises = Premises.of(new.hall.data_dir)
        for directory in (premises.sockets, premises.postgres, premises.valkey):
            assert stat.S_IMODE(directory.stat().st_mode) == 0o700


@pytest.mark.parametrize("lost", ["postgres_password", "postgres_app_password"])
async def test_a_lost_password_file_locks_nobody_out(settings: Settings, lost: str) -> None:
    async with servers_for(settings):
        pass
    (settings.hall.data_dir / "secrets" / lost).unlink()
    async with servers_for(settings) as endpoints:
        assert await asked(endpoints, "SELECT 1") == 1
        assert await _rights(endpoints) == (False, False, False)


async def test_the_processes_of_the_hall_cannot_become_the_owner(settings: Settings) -> None:
    async with servers_for(settings) as endpoints:
        assert await _rights(endpoints) == (False, False, False)
        connection = await asyncpg.connect(**asyncpg_arguments(endpoints.database_url))
        try:
            for escape in ("SET ROLE guildhall", "CREATE TABLE theirs ()", "CREATE ROLE theirs"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(escape)
        finally:
            await connection.close()


async def _rights(endpoints: Endpoints) -> tuple[bool, ...]:
    """Tell what the role of the processes may: be a superuser, bypass policies, make roles."""
    connection = await asyncpg.connect(**asyncpg_arguments(endpoints.database_url))
    try:
        row = await connection.fetchrow(
            "SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles"
            " WHERE rolname = session_user"
        )
        return tuple(row)
    finally:
        await connection.close()


async def test_what_was_committed_survives_kill_9_of_everything(
    settings: Settings, environment: dict[str, str]
) -> None:
    with victim(environment) as process:
        pid = postmaster(settings.hall.data_dir)
        os.kill(pid, signal.SIGKILL)
        process.kill()
    async with servers_for(settings) as endpoints:
        assert await asked(endpoints, "SELECT word FROM kept") == "acknowledged"
        async with Redis.from_url(endpoints.redis_url) as redis:
            assert await redis.get("kept") == b"acknowledged"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start ends them")
async def test_servers_end_with_a_killed_supervisor(
    settings: Settings, environment: dict[str, str]
) -> None:
    with victim(environment) as process:
        pids = [
            postmaster(settings.hall.data_dir),
            int((settings.hall.data_dir / "run" / "valkey.pid").read_text()),
        ]
        process.kill()
    assert [await ends(pid) for pid in pids] == [True, True]


async def test_a_server_that_outlived_its_supervisor_is_ended_first(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with servers_for(settings) as endpoints:
        await asked(endpoints, "CREATE TABLE kept ()")
        orphan = postmaster(settings.hall.data_dir)
        # As on a system where children are not told of their parent's death: it holds no lock,
        # and its servers are there.
        lock = HallLock(settings.hall.data_dir / "run")
        monkeypatch.setattr(HallLock, "acquire", lambda self: True)
        async with servers_for(settings) as again:
            assert await asked(again, "SELECT count(*) FROM kept") == 0
            assert postmaster(settings.hall.data_dir) != orphan
            assert not is_running(orphan)
        assert lock.occupancy() is None


async def test_a_stale_pid_file_that_names_a_living_stranger_is_no_obstacle(
    settings: Settings,
) -> None:
    async with servers_for(settings):
        lines = (settings.hall.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()
    owner = (settings.hall.data_dir / "postgres").stat()
    with sleeper(owner.st_uid) as stranger:
        pid_file = settings.hall.data_dir / "postgres" / "postmaster.pid"
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:], ""]))
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        async with servers_for(settings) as endpoints:
            assert await asked(endpoints, "SELECT 1") == 1
        assert stranger.poll() is None


@pytest.mark.parametrize("name", ["with space, comma", 'with "quotes" & per%cent', "ünïcöde"])
async def test_any_name_will_do_for_a_directory(settings: Settings, place: Path, name: str) -> None:
    settings = moved(settings, place / name)
    async with servers_for(settings) as endpoints:
        assert await asked(endpoints, "SELECT 1") == 1
        async with Redis.from_url(endpoints.redis_url) as redis:
            assert await redis.ping()


async def test_a_path_too_long_for_sockets_gets_a_private_place_for_them(
    settings: Settings, place: Path
) -> None:
    settings = moved(settings, place / ("x" * 120))
    link = settings.hall.data_dir / "run" / "sockets"
    async with servers_for(settings) as endpoints:
        assert await asked(endpoints, "SELECT 1") == 1
        first = link.readlink()
        assert stat.S_IMODE(first.stat().st_mode) == 0o700
    async with servers_for(settings):
        assert link.readlink() == first
    first.rmdir()  # as by a restart of the machine
    async with servers_for(settings) as endpoints:
        second = link.readlink()
        assert await asked(endpoints, "SELECT 1") == 1
    second.rmdir()


async def test_a_remembered_place_that_others_can_write_in_is_not_used_again(
    settings: Settings, place: Path
) -> None:
    settings = moved(settings, place / ("x" * 120))
    link = settings.hall.data_dir / "run" / "sockets"
    async with servers_for(settings):
        first = link.readlink()
    first.chmod(0o777)
    async with servers_for(settings):
        second = link.readlink()
        assert second != first
    first.rmdir()
    second.rmdir()


async def test_a_command_works_on_the_servers_of_the_running_hall(settings: Settings) -> None:
    async with servers_for(settings) as endpoints:
        lock = HallLock(settings.hall.data_dir / "run")
        lock.announce(hall_of(serving=True))
        async with servers_for(settings) as found:
            assert found == endpoints
        assert await asked(endpoints, "SELECT 1") == 1


async def test_commands_on_one_directory_take_turns(new: Settings) -> None:
    order: list[str] = []

    async def command(name: str) -> None:
        async with servers_for(new) as endpoints:
            order.append(f"{name} begins")
            await asked(endpoints, "SELECT 1")
            order.append(f"{name} ends")

    await asyncio.gather(command("one"), command("other"))
    assert [word.split()[1] for word in order] == ["begins", "ends", "begins", "ends"]


async def test_a_command_that_waits_in_vain_says_for_whom(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers_module, "WAIT_FOR_OTHERS_SECONDS", 0.1)
    async with servers_for(settings):
        with pytest.raises(SettingsFault, match=f"in use by process {os.getpid()}"):
            async with servers_for(settings):
                pass


async def test_a_hall_with_a_configured_database_offers_none_to_commands(
    new: Settings,
) -> None:
    Premises.of(new.hall.data_dir).establish()
    lock = HallLock(new.hall.data_dir / "run")
    assert lock.acquire()
    lock.announce(replace(hall_of(serving=True), postgres=False))
    try:
        with pytest.raises(SettingsFault, match=r"DATABASE_URL.*was for the hall running"):
            async with servers_for(new):
                pass
    finally:
        lock.release()


async def test_two_halls_run_side_by_side(settings: Settings, place: Path) -> None:
    other = replace(settings, hall=HallSettings(data_dir=place / "other"))
    async with servers_for(settings) as one, servers_for(other) as two:
        await asked(one, "CREATE TABLE only_here ()")
        assert await asked(two, "SELECT to_regclass('only_here')") is None


async def test_a_configured_database_is_not_brought_again(new: Settings) -> None:
    url = "postgresql://somebody:secret@db.example.org/hall"
    new = replace(new, database=DatabaseSettings(database_url=SecretStr(url)))
    async with servers_for(new) as endpoints:
        assert endpoints.database_url == url
        assert endpoints.redis_url.startswith("unix://")
        assert not (new.hall.data_dir / "postgres" / "PG_VERSION").exists()


async def test_configured_servers_need_a_configured_secret(new: Settings) -> None:
    new = replace(
        new,
        database=DatabaseSettings(database_url=SecretStr("postgresql://db.example.org/hall")),
        redis=RedisSettings(redis_url=SecretStr("redis://redis.example.org/0")),
    )
    with pytest.raises(SettingsFault, match="SECRET_KEY"):
        async with servers_for(new):
            pass
    assert not new.hall.data_dir.exists()


@pytest.mark.parametrize(
    ("package", "setting"),
    [("POSTGRES_PACKAGE", "DATABASE_URL"), ("VALKEY_PACKAGE", "REDIS_URL")],
)
async def test_without_the_wheels_one_sentence_says_what_to_do(
    new: Settings, monkeypatch: pytest.MonkeyPatch, package: str, setting: str
) -> None:
    monkeypatch.setattr(premises_module, package, "not_installed_at_all")
    with pytest.raises(SettingsFault, match=rf"{setting}.*guildhall\[embedded\]"):
        async with servers_for(new):
            pass
    assert not list(new.hall.data_dir.glob(".postgres-draft*")), "initdb is still at work"


async def test_a_directory_that_is_a_file_is_refused_in_one_sentence(new: Settings) -> None:
    new.hall.data_dir.write_text("")
    with pytest.raises(SettingsFault, match=r"DATA_DIR: .* cannot be used"):
        async with servers_for(new):
            pass


async def test_data_of_another_release_of_postgresql_is_left_alone(settings: Settings) -> None:
    async with servers_for(settings):
        pass
    (settings.hall.data_dir / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(SettingsFault, match="made by PostgreSQL 17"):
        async with servers_for(settings):
            pass


async def test_half_a_first_start_does_not_spoil_the_second(new: Settings) -> None:
    premises = Premises.of(new.hall.data_dir)
    premises.establish()
    premises.furnish()
    leftover = new.hall.data_dir / ".postgres-draft-killed"
    leftover.mkdir()
    (leftover / "PG_VERSION").write_text("18\n")
    async with servers_for(new) as endpoints:
        assert await asked(endpoints, "SELECT 1") == 1
    assert not leftover.exists()


async def test_the_operators_own_settings_come_after_ours(settings: Settings) -> None:
    async with servers_for(settings):
        pass
    own = settings.hall.data_dir / "postgres" / "conf.d" / "own.conf"
    own.write_text("work_mem = 7MB\n")
    owner = own.parent.stat()
    os.chown(own, owner.st_uid, owner.st_gid)
    async with servers_for(settings) as endpoints:
        assert await asked(endpoints, "SHOW work_mem") == "7MB"
        assert await asked(endpoints, "SHOW synchronous_commit") == "on"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another account for its servers")
class TestAsRoot:
    async def test_servers_run_as_an_account_without_rights(self, settings: Settings) -> None:
        async with servers_for(settings):
            assert account_of(postmaster(settings.hall.data_dir)) != 0

    async def test_no_parent_is_opened_for_them(
        self, new: Settings, place: Path, elsewhere: Path
    ) -> None:
        closed = place / "closed"
        closed.mkdir(mode=0o700)
        new = replace(new, hall=HallSettings(data_dir=closed / "data"))
        async with servers_for(new) as endpoints:
            assert await asked(endpoints, "SELECT 1") == 1
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert (closed / "data" / "postgres").resolve().is_relative_to(elsewhere)

    async def test_data_made_anew_does_not_come_upon_the_old_database(
        self, new: Settings, place: Path, elsewhere: Path
    ) -> None:
        closed = place / "closed"
        closed.mkdir(mode=0o700)
        new = replace(new, hall=HallSettings(data_dir=closed / "data"))
        async with servers_for(new) as endpoints:
            await asked(endpoints, "CREATE TABLE old ()")
        (closed / "data").rename(closed / "gone")
        async with servers_for(new) as endpoints:
            assert await asked(endpoints, "SELECT to_regclass('old')") is None

    async def test_a_copy_of_data_dir_does_not_run_on_the_database_of_the_first(
        self, new: Settings, place: Path, elsewhere: Path
    ) -> None:
        closed = place / "closed"
        closed.mkdir(mode=0o700)
        first, second = closed / "data", closed / "copy"
        async with servers_for(replace(new, hall=HallSettings(data_dir=first))):
            pass
        copy(first, second)
        with pytest.raises(SettingsFault, match=f"belong to the hall in {first}"):
            async with servers_for(replace(new, hall=HallSettings(data_dir=second))):
                pass


@pytest.fixture
def elsewhere(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = place / "elsewhere"
    monkeypatch.setattr(premises_module, "ELSEWHERE", directory)
    return directory


def hall_of(*, serving: bool) -> Occupancy:
    return Occupancy(
        pid=os.getpid(),
        kind="hall",
        url="http://127.0.0.1:1",
        postgres=True,
        valkey=True,
        serving=serving,
    )
