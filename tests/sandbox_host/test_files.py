"""The genuine SDK's files: contents, folders, watches, signed addresses."""

import asyncio
import gzip
import io
import os
import time

import httpx
import pytest
from e2b import AsyncSandbox, FileType, Sandbox
from e2b.exceptions import FileNotFoundException, InvalidArgumentException, SandboxException
from e2b.sandbox.filesystem.watch_handle import FilesystemEventType

from tests.sandbox_host.running_host import RunningHost, eventually


@pytest.fixture
def folder(sandbox: Sandbox) -> str:
    path = f"/home/user/{time.monotonic_ns()}"
    sandbox.files.make_dir(path)
    return path


@pytest.mark.parametrize(
    "data", ["", "text ü\n", b"\x00\xff" * 1000, "x" * 300_000], ids=["empty", "text", "bytes", "large"]
)
def test_what_is_written_is_read(sandbox: Sandbox, folder: str, data: str | bytes):
    path = f"{folder}/deep/er/file"
    info = sandbox.files.write(path, data)
    assert (info.path, info.name, info.type) == (path, "file", FileType.FILE)
    form = "text" if isinstance(data, str) else "bytes"
    assert sandbox.files.read(path, format=form) == data
    sandbox.files.write(path, "shorter")
    assert sandbox.files.read(path) == "shorter"


def test_streams_go_both_ways(sandbox: Sandbox, folder: str):
    data = os.urandom(5_000_000)
    sandbox.files.write(f"{folder}/io", io.BytesIO(data))
    sandbox.files.write(f"{folder}/chunks", (data[at : at + 70_000] for at in range(0, len(data), 70_000)))
    sandbox.files.write(f"{folder}/zipped", data, gzip=True)
    for name in ("io", "chunks", "zipped"):
        with sandbox.files.read(f"{folder}/{name}", format="stream") as stream:
            assert b"".join(stream) == data


def test_many_files_at_once_with_metadata(sandbox: Sandbox, folder: str):
    entries = [{"path": f'{folder}/ä "{number}".txt', "data": f"content {number}"} for number in range(3)]
    written = sandbox.files.write_files(entries, metadata={"Author": "me"})
    assert [info.path for info in written] == [entry["path"] for entry in entries]
    for entry in entries:
        assert sandbox.files.read(entry["path"]) == entry["data"]
        assert sandbox.files.get_info(entry["path"]).metadata == {"author": "me"}


def test_paths_start_at_home(sandbox: Sandbox):
    sandbox.files.write("relative.txt", "1")
    assert sandbox.files.read("~/relative.txt") == "1"
    assert sandbox.files.get_info("relative.txt").path == "/home/user/relative.txt"


def test_entries_are_described(sandbox: Sandbox, folder: str):
    sandbox.files.write(f"{folder}/file", "12345")
    sandbox.commands.run(
        f"ln -s file {folder}/link; mkdir {folder}/sub; touch {folder}/sub/below; chmod 640 {folder}/file"
    )
    found = {entry.name: entry for entry in sandbox.files.list(folder)}
    assert set(found) == {"file", "link", "sub"}
    file = found["file"]
    assert (file.type, file.size, file.mode, file.permissions) == (FileType.FILE, 5, 0o640, "-rw-r-----")
    assert (file.owner, file.group) == ("user", "user")
    assert (found["link"].type, found["link"].symlink_target) == (FileType.SYMLINK, f"{folder}/file")
    assert found["sub"].type == FileType.DIR
    deep = {entry.path for entry in sandbox.files.list(folder, depth=2)}
    assert f"{folder}/sub/below" in deep


def test_a_folder_of_thousands_is_listed(sandbox: Sandbox, folder: str):
    sandbox.commands.run(f"cd {folder} && touch $(seq 3000)")
    assert len(sandbox.files.list(folder)) == 3000


def test_folders_are_made_moved_and_removed(sandbox: Sandbox, folder: str):
    assert sandbox.files.make_dir(f"{folder}/a/b") is True
    assert sandbox.files.make_dir(f"{folder}/a/b") is False
    sandbox.files.write(f"{folder}/a/b/c", "1")
    assert sandbox.files.rename(f"{folder}/a", f"{folder}/new/place").path == f"{folder}/new/place"
    assert sandbox.files.read(f"{folder}/new/place/b/c") == "1"
    assert not sandbox.files.exists(f"{folder}/a")
    sandbox.files.remove(f"{folder}/new")
    assert not sandbox.files.exists(f"{folder}/new")


def test_what_is_not_there_is_said(sandbox: Sandbox, folder: str):
    with pytest.raises(FileNotFoundException):
        sandbox.files.read(f"{folder}/none")
    with pytest.raises(FileNotFoundException):
        sandbox.files.list(f"{folder}/none")
    with pytest.raises(FileNotFoundException):
        sandbox.files.rename(f"{folder}/none", f"{folder}/other")
    with pytest.raises(InvalidArgumentException, match="folder"):
        sandbox.files.read(folder)
    with pytest.raises(InvalidArgumentException, match="folder"):
        sandbox.files.write(folder, "x")
    with pytest.raises(SandboxException, match=r"Read-only|denied"):
        sandbox.files.write("/usr/bin/mine", "x")
    with pytest.raises(InvalidArgumentException, match="regular"):
        sandbox.files.read("/dev/zero")
    sandbox.commands.run(f"mkfifo {folder}/pipe")
    with pytest.raises(InvalidArgumentException):
        sandbox.files.read(f"{folder}/pipe")
    with pytest.raises(InvalidArgumentException):
        sandbox.files.write(f"{folder}/pipe", "x")


def test_a_watch_by_polling_tells_what_happened(sandbox: Sandbox, folder: str):
    handle = sandbox.files.watch_dir(folder, recursive=True, include_entry=True)
    sandbox.files.write(f"{folder}/new.txt", "1")
    sandbox.files.make_dir(f"{folder}/sub")
    events = []

    def told(kind: FilesystemEventType, name: str) -> bool:
        events.extend(handle.get_new_events())
        return any((event.type, event.name) == (kind, name) for event in events)

    eventually(lambda: told(FilesystemEventType.CREATE, "new.txt"))
    eventually(lambda: told(FilesystemEventType.WRITE, "new.txt"))
    eventually(lambda: told(FilesystemEventType.CREATE, "sub"))
    sandbox.files.write(f"{folder}/sub/below", "1")
    eventually(lambda: told(FilesystemEventType.CREATE, "sub/below"))
    assert any(event.entry and event.entry.path == f"{folder}/new.txt" for event in events)
    sandbox.files.remove(f"{folder}/new.txt")
    eventually(lambda: told(FilesystemEventType.REMOVE, "new.txt"))
    handle.stop()
    with pytest.raises(SandboxException):
        handle.get_new_events()


async def test_a_watch_streams_too(host: RunningHost):
    async with await AsyncSandbox.create(timeout=60, **host.options) as sandbox:
        events = []
        handle = await sandbox.files.watch_dir("/home/user", on_event=events.append)
        await sandbox.files.write("/home/user/seen", "1")
        async with asyncio.timeout(20):
            while not any(event.name == "seen" for event in events):
                await asyncio.sleep(0.02)
        await handle.stop()
        with pytest.raises(FileNotFoundException):
            await sandbox.files.watch_dir("/home/user/none", on_event=events.append)


def test_signed_addresses_open_one_path_for_one_operation(host: RunningHost, sandbox: Sandbox, folder: str):
    path = f"{folder}/signed.txt"
    headers = {"E2b-Sandbox-Id": sandbox.sandbox_id, "E2b-Sandbox-Port": "49983"}
    upload = sandbox.upload_url(path, use_signature_expiration=60)
    answer = httpx.post(upload, files={"file": b"by signature"}, headers=headers)
    assert answer.status_code == 200, answer.text
    download = sandbox.download_url(path)
    assert httpx.get(download, headers=headers).content == b"by signature"
    assert httpx.post(download, files={"file": b"x"}, headers=headers).status_code == 401
    assert httpx.get(download.replace("signed.txt", "other.txt"), headers=headers).status_code == 401
    expired = sandbox.download_url(path, use_signature_expiration=-10)
    assert httpx.get(expired, headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"no boundary", "multipart/form-data", 400),
        (b"--b\r\nbroken", "multipart/form-data; boundary=b", 400),
        (b"", "multipart/form-data; boundary=b", 400),
        (b"not gzip", "application/octet-stream", 400),
    ],
)
def test_a_broken_upload_is_refused(host: RunningHost, sandbox: Sandbox, content: bytes, kind: str, status: int):
    headers = {
        "E2b-Sandbox-Id": sandbox.sandbox_id,
        "E2b-Sandbox-Port": "49983",
        "X-Access-Token": sandbox._envd_access_token,
        "Content-Type": kind,
        **({"Content-Encoding": "gzip"} if content == b"not gzip" else {}),
    }
    answer = httpx.post(f"{host.url}/files?path=broken", content=content, headers=headers)
    assert answer.status_code == status
    assert answer.json()["code"] == status


def test_a_zipped_bomb_fills_the_sandbox_s_disk_alone(host: RunningHost, other: Sandbox):
    bomb = gzip.compress(b"\0" * (400 << 20), 1)
    headers = {
        "E2b-Sandbox-Id": other.sandbox_id,
        "E2b-Sandbox-Port": "49983",
        "X-Access-Token": other._envd_access_token,
        "Content-Encoding": "gzip",
    }
    answer = httpx.post(f"{host.url}/files?path=bomb", content=bomb, headers=headers, timeout=60)
    assert answer.status_code == 507
