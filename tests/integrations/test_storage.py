"""One contract for a folder and a bucket, and what each says when it is full or away."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import httpx
import pytest

from agents_backend.domain.errors import NotFound, StorageFull, Unavailable
from agents_backend.integrations.storage import Storage
from agents_backend.settings import StorageSettings
from tests.fakes.s3_server import FakeS3


def bucket(fake: FakeS3) -> Storage:
    options = {"endpoint": fake.url, "region": "us-east-1", "access_key_id": "a", "secret_access_key": "b"}
    return Storage(StorageSettings(url="s3://bucket/files", options=options, retry_seconds=0), Path())


@pytest.fixture
async def s3():
    async with FakeS3() as fake:
        yield fake


@pytest.fixture(params=["folder", "bucket"])
def storage(request, tmp_path, s3) -> Storage:
    return bucket(s3) if request.param == "bucket" else Storage(StorageSettings(min_free_bytes=0), tmp_path)


async def test_what_is_written_is_read_whole_in_part_listed_and_deleted(storage: Storage):
    await storage.check()
    data = os.urandom(700_000)
    await storage.write("runs/1/a", b"old")
    await storage.write("runs/1/a", data)
    await storage.write("runs/2/b", b"other")
    assert await storage.read("runs/1/a") == data
    assert b"".join([piece async for piece in await storage.open("runs/1/a", 10, 600_000)]) == data[10:600_000]
    assert [(item.key, item.size) for item in await storage.list("runs/1/")] == [("runs/1/a", 700_000)]
    assert await storage.size("runs/1/a") == 700_000
    await storage.delete(["runs/1/a", "runs/1/never-there"])
    assert await storage.size("runs/1/a") is None
    with pytest.raises(NotFound):
        await storage.read("runs/1/a")
    with pytest.raises(NotFound):
        await storage.open("runs/1/a", 0, 5)


async def test_a_full_folder_keeps_no_half_file_and_takes_the_next_one_when_room_returns():
    folder = Path(tempfile.mkdtemp())
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "none", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        shutil.rmtree(folder)
        pytest.skip("a small file system cannot be mounted here")
    try:
        storage = Storage(StorageSettings(url=f"file://{folder}", min_free_bytes=0), Path())
        await storage.write("runs/1/small", b"1" * 200_000)
        with pytest.raises(StorageFull):
            await storage.write("runs/1/large", b"2" * 200_000)
        assert [path.name for path in folder.rglob("*") if path.is_file()] == ["small"]
        await storage.delete(["runs/1/small"])
        await storage.write("runs/1/large", b"2" * 200_000)
        assert await storage.size("runs/1/large") == 200_000
    finally:
        subprocess.run(["umount", str(folder)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


async def test_a_folder_with_too_little_room_is_said_before_work_begins(tmp_path):
    storage = Storage(StorageSettings(min_free_bytes=2**60), tmp_path)
    with pytest.raises(StorageFull):
        await storage.check()


@pytest.mark.parametrize(("status", "error"), [(507, StorageFull), (503, Unavailable), (403, Unavailable)])
async def test_a_bucket_that_refuses_is_a_typed_error_and_no_object(s3: FakeS3, status, error):
    storage = bucket(s3)
    s3.fault = status
    with pytest.raises(error) as raised:
        await storage.write("runs/1/a", b"x")
    assert "secret" not in raised.value.detail
    assert not s3.objects
    s3.fault = None
    await storage.write("runs/1/a", b"x")
    assert s3.objects == {"files/runs/1/a": b"x"}


async def test_a_bucket_that_is_away_is_said_before_work_begins(s3: FakeS3):
    s3.fault, s3.everywhere = 503, True
    with pytest.raises(Unavailable):
        await bucket(s3).check()


async def test_a_bucket_signs_its_links(s3: FakeS3, tmp_path):
    storage = bucket(s3)
    await storage.write("runs/1/a", b"linked")
    link = await storage.link("runs/1/a", seconds=60)
    async with httpx.AsyncClient() as client:
        assert (await client.get(link)).content == b"linked"
    assert "X-Amz-Signature" in link
    assert await Storage(StorageSettings(), tmp_path).link("runs/1/a", seconds=60) is None
