"""A file is written as a whole or not at all."""

import errno
import os
import resource
import signal
import stat
import sys
import threading
from pathlib import Path

import pytest

from s2s_core.files import append_line, opened_atomically, require_writable, write_atomically, write_folder_atomically


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"\x00\xff\r\n", b"\x00\xff\r\n"), ("é\r\n☃\n", "é\r\n☃\n".encode()), ("", b"")],
)
def test_what_is_written_is_what_was_given(tmp_path, content, expected):
    """Bytes stay as they are; text becomes UTF-8, its line ends untouched."""
    write_atomically(tmp_path / "file", content)
    assert (tmp_path / "file").read_bytes() == expected
    assert names(tmp_path) == ["file"]


def test_a_place_that_can_be_written_is_left_as_it_is(tmp_path):
    """Whether a file is there already or not."""
    (tmp_path / "old").write_text("old")
    require_writable(tmp_path / "old")
    require_writable(tmp_path / "new")
    assert names(tmp_path) == ["old"]


def test_a_place_that_can_not_be_written_is_refused(tmp_path):
    """The error names the file, and what is wrong with its folder."""
    with pytest.raises(
        FileNotFoundError, match=f"there is no folder {tmp_path / 'nope'}: '{tmp_path / 'nope' / 'file'}'"
    ):
        require_writable(tmp_path / "nope" / "file")
    with pytest.raises(IsADirectoryError):
        require_writable(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_no_place(tmp_path):
    """This is known without trying."""
    tmp_path.chmod(0o555)
    with pytest.raises(PermissionError):
        require_writable(tmp_path / "file")


def test_a_file_is_replaced(tmp_path):
    """The new content takes the old one's place."""
    (tmp_path / "file").write_text("a longer old text")
    write_atomically(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "new"


def test_a_file_has_the_permissions_of_any_other(tmp_path):
    """The umask holds, though temporary files are private."""
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "file", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch, step, failure):
    """Whatever fails, and be it Ctrl-C, the old content stays and no temporary file is left."""

    def fail(*arguments, **options):
        raise failure

    (tmp_path / "file").write_text("old")
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(failure)):
        write_atomically(tmp_path / "file", "new")
    monkeypatch.undo()
    assert (tmp_path / "file").read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_what_a_killed_process_left_is_replaced(tmp_path):
    """The rest of an earlier write is not in the way, and doesn't stay."""
    (tmp_path / ".file.partial").write_text("half of what someone wrote before being killed")
    write_atomically(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "new"
    assert names(tmp_path) == ["file"]


def test_a_link_where_the_rest_of_a_write_would_be_is_not_followed(tmp_path):
    """Whoever put it there, nothing else than the file itself is written."""
    (tmp_path / "other").write_text("precious")
    (tmp_path / ".file.partial").symlink_to(tmp_path / "other")
    write_atomically(tmp_path / "file", "new")
    assert (tmp_path / "other").read_text() == "precious"
    assert names(tmp_path) == ["file", "other"]


def test_a_link_in_the_place_of_the_file_is_replaced(tmp_path):
    """What it leads to stays as it is."""
    (tmp_path / "other").write_text("precious")
    (tmp_path / "file").symlink_to(tmp_path / "other")
    write_atomically(tmp_path / "file", "new")
    assert (tmp_path / "other").read_text() == "precious"
    assert (tmp_path / "file").read_text() == "new"


def test_a_full_disk_is_reported_with_the_file(tmp_path):
    """The error names the file that was to be written, not the temporary one."""
    (tmp_path / "file").write_bytes(b"old")
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large") as failed:
            write_atomically(tmp_path / "file", bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert failed.value.filename == str(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_a_missing_folder_is_reported_with_the_file(tmp_path):
    """The folder is not made."""
    with pytest.raises(FileNotFoundError) as failed:
        write_atomically(tmp_path / "nowhere" / "file", "x")
    assert failed.value.filename == str(tmp_path / "nowhere" / "file")


def test_a_reader_never_sees_half_a_file(tmp_path):
    """While one thread writes, another finds the one content or the other, whole."""
    path = tmp_path / "file"
    contents = (b"a" * 300_000, b"b" * 200_000)
    write_atomically(path, contents[0])
    seen = set()
    done = threading.Event()

    def read():
        while not done.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(30):
        write_atomically(path, contents[number % 2])
    done.set()
    reader.join()
    assert seen <= set(contents)
    assert seen


@pytest.fixture
def calls(monkeypatch):
    """What is asked of the disk, in order: writes to a name, and waits for a file or a folder."""
    made = []
    sync, replace = os.fsync, Path.replace

    def synced(descriptor):
        made.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def replaced(self, target):
        made.append("name")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    return made


@pytest.mark.skipif(sys.platform == "win32", reason="Windows opens no folders")
def test_a_power_cut_finds_the_old_file_or_the_new_one(tmp_path, calls):
    """The content is on disk before it has the name, and the name before the call returns."""
    write_atomically(tmp_path / "file", "new")
    assert calls == ["file", "name", "folder"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows opens no folders")
def test_a_power_cut_takes_no_line(tmp_path, calls):
    """Each is on disk before the call returns, and so is a new file's name."""
    append_line(tmp_path / "log", "one")
    append_line(tmp_path / "log", "two")
    assert calls == ["file", "folder", "file"]
    assert (tmp_path / "log").read_text() == "one\ntwo\n"


def test_of_two_writers_one_is_refused(tmp_path):
    """Whichever began last goes on; the other one neither publishes nor removes what that has written."""
    path = tmp_path / "file"
    first, last = opened_atomically(path), opened_atomically(path)
    first.__enter__().write(b"first")
    last.__enter__().write(b"last")
    with pytest.raises(OSError, match=f"another process writes it: '{path}'"):
        first.__exit__(None, None, None)
    assert names(tmp_path) == [".file.partial"]
    last.__exit__(None, None, None)
    assert (names(tmp_path), (tmp_path / "file").read_text()) == (["file"], "last")


def test_a_folder_whose_replacement_was_killed_comes_back(tmp_path, monkeypatch):
    """Between two renames; the old one isn't lost, even if the next write fails."""
    place = tmp_path / "site"
    write_folder_atomically(place, {"old": b"1"})
    place.rename(tmp_path / ".site.replaced")

    def fail(*_):
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr("s2s_core.files.write_atomically", fail)
    with pytest.raises(OSError, match=f"no room: '{place}'"):
        write_folder_atomically(place, {"new": b"2"})
    assert (names(place), names(tmp_path)) == (["old"], ["site"])


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    """Also after a process was killed in between; folders above it are made."""
    place = tmp_path / "new" / "site"
    write_folder_atomically(place, {"old": b"1", "both": b"2"})
    (place.parent / ".site.partial").mkdir()
    (place.parent / ".site.replaced").mkdir()
    write_folder_atomically(place, {"both": b"3"})
    assert (names(place), (place / "both").read_bytes(), names(place.parent)) == (["both"], b"3", ["site"])


def test_a_folder_that_can_not_be_replaced_stays(tmp_path, monkeypatch):
    """The error names it, and nothing else is left."""
    place = tmp_path / "site"
    write_folder_atomically(place, {"old": b"1"})
    rename = Path.rename

    def fail(path, target):
        if path.name == ".site.partial":
            raise OSError(errno.ENOSPC, "no room")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match=f"no room: '{place}'"):
        write_folder_atomically(place, {"new": b"2"})
    assert (names(place), names(tmp_path)) == (["old"], ["site"])
