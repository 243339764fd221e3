"""Writing files: only over regular files, whole or not at all, and nothing of killed writers left for ever."""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import grilly_vk
from grilly_vk import files

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX files")


def names(folder):
    return sorted(p.name for p in folder.iterdir())


@pytest.fixture
def special(tmp_path):
    """Things that are no regular files: name -> path."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link to fifo").symlink_to("fifo")
    server = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(tmp_path)  # a socket's path must be short
    try:
        server.bind("socket")
    finally:
        os.chdir(here)
    yield {
        "pipe": tmp_path / "fifo",
        "pipe by a link": tmp_path / "link to fifo",
        "socket": tmp_path / "socket",
        "folder": tmp_path / "folder",
        "device": "/dev/full",
    }
    server.close()


@posix
def test_nothing_but_regular_files_is_replaced(tmp_path, special):
    before = names(tmp_path)
    for what, path in special.items():
        kind = Path(path).stat().st_mode
        for call in (
            lambda: grilly_vk.save(path, {"a": 1}),  # noqa: B023
            lambda: files.write(path, b""),  # noqa: B023
            lambda: files.check_writable(path),  # noqa: B023
        ):
            with pytest.raises(OSError, match=what.split()[0]) as caught:
                call()
            assert caught.value.filename == str(path)
        assert Path(path).stat().st_mode == kind
    assert names(tmp_path) == before
    with pytest.raises(OSError, match="device"):
        grilly_vk.load("/dev/zero")
    with pytest.raises(IsADirectoryError):
        grilly_vk.load(tmp_path)
    with pytest.raises(OSError, match="socket"):
        grilly_vk.load(special["socket"])


@posix
def test_links(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    for call in (grilly_vk.load, lambda p: grilly_vk.save(p, {})):
        with pytest.raises(OSError, match="symbolic links"):
            call(tmp_path / "a")
    (tmp_path / "to nothing").symlink_to(tmp_path / "nowhere" / "file")
    with pytest.raises(FileNotFoundError):
        grilly_vk.save(tmp_path / "to nothing", {})
    (tmp_path / "chain").symlink_to("to file")
    (tmp_path / "to file").symlink_to("file")
    grilly_vk.save(tmp_path / "chain", {"a": 1})
    assert (tmp_path / "chain").is_symlink() and grilly_vk.load(tmp_path / "file") == {"a": 1}


@posix
@pytest.mark.parametrize("name", ["x" * 255, "é" * 127, "x" * 76, "x" * 77, "x" * 78, "x" * 59 + "é" * 90])
def test_names_as_long_as_the_system_has_them(tmp_path, name):
    path = tmp_path / name
    for i in range(2):
        grilly_vk.save(path, {"a": i})
    (tmp_path / f"{files._prefix(name)}0123456789ab.part").write_bytes(b"")  # a killed writer's
    grilly_vk.save(path, {"a": 2})
    assert grilly_vk.load(path) == {"a": 2} and names(tmp_path) == [name]
    with pytest.raises(OSError, match="too long"):
        grilly_vk.save(tmp_path / ("x" * 256), {})


KILLED = """
import os, signal, sys
from grilly_vk import files
with files.replacing(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    os.kill(os.getpid(), signal.SIGKILL) if len(sys.argv) < 3 else sys.stdin.read()
"""


@posix
def test_what_killed_writers_left_is_removed_and_no_living_ones(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", KILLED, path], capture_output=True, text=True)
        assert done.returncode == -signal.SIGKILL and done.stdout == "writing\n", done.stderr
    others = [".x.0123456789ab.part.", ".x.0123456789AB.part", ".xy.0123456789ab.part", ".x.0123.part", "x.part"]
    for other in others:
        (tmp_path / other).write_bytes(b"")
    (tmp_path / ".x.000000000000.part").mkdir()  # no file
    assert len(names(tmp_path)) == 1 + 1 + len(others) + 1
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, path, "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as living:
        assert living.stdout.readline() == "writing\n"
        for _ in range(2):
            files.write(path, b"new")
        parts = set(names(tmp_path)) - {"x", ".x.000000000000.part", *others}
        assert len(parts) == 1 and path.read_bytes() == b"new"
        living.communicate("")
        assert living.returncode == 0 and path.read_bytes() == b"half"
    assert names(tmp_path) == sorted(["x", ".x.000000000000.part", *others])


@posix
def test_writers_of_one_file_at_once(tmp_path):
    """Every one succeeds, none takes another's for stale, and the file is one of them, whole."""
    path = tmp_path / "x"
    problems = []

    def work(letter):
        try:
            for _ in range(25):
                files.write(path, letter * 100_000)
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(letter,)) for letter in (b"a", b"b", b"c", b"d")]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not problems and names(tmp_path) == ["x"]
    data = path.read_bytes()
    assert len(data) == 100_000 and len(set(data)) == 1


@posix
def test_without_locks_the_age_tells(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no locks available")

    monkeypatch.setattr(files.fcntl, "flock", refuse)
    young, old = tmp_path / ".x.000000000000.part", tmp_path / ".x.000000000001.part"
    for part in (young, old):
        part.write_bytes(b"")
    long_ago = old.stat().st_mtime - 2 * files._STALE
    os.utime(old, (long_ago, long_ago))
    files.write(tmp_path / "x", b"")
    assert names(tmp_path) == [young.name, "x"]


def test_an_error_leaves_nothing_and_the_caller_s_name_is_told(tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), files.replacing(path) as file:
        file.write(b"new")
        raise KeyboardInterrupt
    files.check_writable(path)
    assert names(tmp_path) == ["x"] and path.read_bytes() == b"old"
    files.check_writable(tmp_path / "new" / "folder" / "y")
    assert names(tmp_path / "new" / "folder") == []
    with pytest.raises(FileNotFoundError) as caught:
        files.write(tmp_path / "nowhere" / "x", b"")
    assert caught.value.filename == str(tmp_path / "nowhere" / "x")
    files.save_with(path, lambda file: np.save(file, np.arange(3)))
    np.testing.assert_array_equal(np.load(path), np.arange(3))
