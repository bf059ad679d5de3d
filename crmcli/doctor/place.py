"""Where the database stands: rights of the file and what is beside it, file system, space, the size of its log."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator

from crmcli.doctor.line import BAD, OK, WARN, Line, Site

MOUNTS = "/proc/self/mounts"
# File systems that several machines may use at once, where SQLite's log and locks do not hold.
NETWORKS = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|afs|ncpfs|ceph|lustre|glusterfs|gpfs|beegfs|ocfs2|gfs2|davfs"
    r"|fuse\.(sshfs|glusterfs|ceph|davfs2?|rclone|s3fs|gcsfuse|curlftpfs)"
)
LOG, NOTES = ("-wal", "-shm"), ("-lock", "-send-lock")
LARGE_LOG = 64 * 2**20
LITTLE_SPACE = 64 * 2**20


def rights(site: Site) -> Iterator[Line]:
    """Who may read and write the file; others may not, and whoever may needs the folder too."""
    found = os.stat(site.path)
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o007:
        yield Line("rights", BAD, f"everybody may open {site.path} (mode {mode:o})", f"chmod o-rwx {site.path}", "rights")
    elif not os.access(site.path, os.W_OK):
        yield Line("rights", BAD, f"you may not write {site.path}", "run crm as its owner or in its group")
    elif mode & 0o060 == 0o040:
        yield Line("rights", WARN, "its group may read but not write", f"chmod g+w {site.path}, or g-r")
    else:
        yield Line("rights", OK, f"mode {mode:o}{', shared with its group' if mode & 0o020 else ''}")
    yield from _folder(site, found)
    yield from _beside(site, found)


def _folder(site: Site, file: os.stat_result) -> Iterator[Line]:
    """Files come and go beside the database: whoever writes it must be able to make them, and nobody else."""
    folder = os.stat(site.folder)
    if not os.access(site.folder, os.W_OK | os.X_OK):
        yield Line("folder", BAD, f"nothing can be made in {site.folder}", f"give the folder to those who use {site.path}")
    elif folder.st_mode & 0o002 and not folder.st_mode & stat.S_ISVTX:
        yield Line("folder", BAD, f"everybody may replace files in {site.folder}", f"chmod o-w {site.folder}")
    elif file.st_mode & 0o020 and not (folder.st_mode & 0o020 and folder.st_gid == file.st_gid):
        todo = f"chgrp {file.st_gid} {site.folder}; chmod g+rwxs {site.folder}"
        yield Line("folder", BAD, f"the group may write the file, but make none in {site.folder}", todo)
    elif file.st_mode & 0o020 and not folder.st_mode & stat.S_ISGID:
        yield Line("folder", WARN, "files made beside it may get another group", f"chmod g+s {site.folder}")
    else:
        yield Line("folder", OK, site.folder)


def _beside(site: Site, file: os.stat_result) -> Iterator[Line]:
    """Log and lock files have the rights of the database."""
    mode = stat.S_IMODE(file.st_mode)
    for end in (*LOG, *NOTES):
        try:
            found = os.stat(site.path + end)
        except OSError:
            continue
        if stat.S_IMODE(found.st_mode) & ~mode & 0o077 and end in LOG:
            yield Line(
                "files beside it", BAD, f"{site.path}{end} may be opened by more than the database", "crm doctor --fix", "rights"
            )
        elif file.st_mode & 0o020 and (found.st_gid != file.st_gid or found.st_mode & 0o060 != 0o060):
            yield Line(
                "files beside it", BAD, f"the group may not write {site.path}{end}", "crm doctor --fix, as its owner", "rights"
            )


def file_system(site: Site) -> Iterator[Line]:
    """A database on a network file system is lost sooner or later (SQLite, "Over a network")."""
    try:
        with open(MOUNTS, encoding="utf-8", errors="replace") as file:
            kind, place = mounted(os.path.realpath(site.folder), file.read())
    except OSError:
        yield Line("file system", WARN, f"it is unknown: {MOUNTS} cannot be read", "see that it is none of a network")
        return
    if NETWORKS.fullmatch(kind):
        yield Line(
            "file system", BAD, f"{place} is {kind}, a network file system", "move it to a local disk, or: crm doctor --force"
        )
    else:
        yield Line("file system", OK, kind or "local")


def mounted(path: str, table: str) -> tuple[str, str]:
    """The kind of file system that holds a path, and where it is mounted, by the lines of /proc/mounts."""
    best = ("", "")
    for line in table.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        place = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields[1])
        if (path == place or path.startswith(place.rstrip("/") + "/")) and len(place) >= len(best[1]):
            best = (fields[2], place)
    return best


def space(site: Site) -> Iterator[Line]:
    """Room for the log, and for a backup beside it."""
    free, size = shutil.disk_usage(site.folder).free, os.path.getsize(site.path)
    if free < LITTLE_SPACE:
        yield Line("space", BAD, f"only {_mega(free)} MB are left", "make room: mail is refused when the disk is full")
    elif free < 2 * size + LITTLE_SPACE:
        yield Line("space", WARN, f"{_mega(free)} MB are left beside {_mega(size)} MB of database", "make room for backups")
    else:
        yield Line("space", OK, f"{_mega(free)} MB free, the database has {_mega(size)} MB")


def log(site: Site) -> Iterator[Line]:
    """SQLite's log is written back now and then; where it only grows, somebody reads for ever."""
    try:
        size = os.path.getsize(f"{site.path}-wal")
    except OSError:
        size = 0
    if size > max(LARGE_LOG, os.path.getsize(site.path) // 2):
        todo = f"crm doctor --fix; if it stays, see who reads: fuser {site.path}"
        yield Line("log", WARN, f"{site.path}-wal has {_mega(size)} MB", todo, "log")
    else:
        yield Line("log", OK, f"{_mega(size)} MB")


def _mega(size: int) -> int:
    return size // 2**20
