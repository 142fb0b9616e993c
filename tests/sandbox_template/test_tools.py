"""Every tool of the sandbox's MCP server, called by the official client over HTTP."""

import asyncio
import json
import os
import socket
from pathlib import Path

import httpx
from mcp import Client

from sandbox_template.mcp_server.calls import CALL_ID
from sandbox_template.mcp_server.sightings import READER
from sandbox_template.tools import tools as described
from tests.sandbox_template.conftest import Box, Tools, running_box

ROOT = Path(__file__).parents[2]
NAMES = {
    *("shell_run", "shell_start", "shell_view", "shell_write", "shell_stop", "shell_list"),
    *("file_read", "file_write", "file_edit", "file_patch", "file_grep", "file_list", "file_glob"),
    *("todo_read", "todo_write", "port_register", "port_list", "port_remove"),
    *("slide_list", "slide_read", "slide_write", "slide_delete"),
}


async def test_each_tool_has_a_description_and_schemas_and_says_whether_it_only_reads(tools: Tools):
    found = await tools.list()
    assert {tool.name for tool in found} == NAMES
    for tool in found:
        assert tool.description, tool.name
        assert tool.input_schema["type"] == "object", tool.name
        assert tool.output_schema, tool.name
        assert tool.annotations.read_only_hint is (tool.name.split("_")[1] in {"read", "list", "view", "grep", "glob"})


async def test_a_client_of_the_older_protocol_is_served_too(box: Box):
    async with Client(f"{box.url}/mcp", mode="legacy") as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == NAMES


# Shells


async def test_a_shell_keeps_its_state_between_calls_and_clients(tools: Tools):
    await tools("shell_start", session="lasting", wait_seconds=10)
    await tools("shell_write", session="lasting", text="cd /tmp && X=kept\n")
    seen = await tools("shell_write", session="lasting", text="echo $PWD-$X; tty\n", wait_seconds=10)
    assert "/tmp-kept" in seen["output"]
    assert "/dev/pts/" in seen["output"]
    ended = await tools("shell_write", session="lasting", text="exit 7\n", wait_seconds=10)
    assert (ended["running"], ended["exit_code"]) == (False, 7)


async def test_a_command_answers_its_output_and_exit_code(tools: Tools):
    done = await tools("shell_start", command="echo out; echo err >&2; exit 3", pty=False, wait_seconds=30)
    assert (done["running"], done["exit_code"], done["output"]) == (False, 3, "out\nerr\n")


async def test_a_command_is_waited_for_and_killed_when_its_time_is_up(tools: Tools):
    done = await tools("shell_run", command="echo out; echo err >&2; cat; exit 3", env={"X": "1"})
    assert (done["exit_code"], done["output"], done["timed_out"], done["left_out"]) == (3, "out\nerr\n", False, 0)
    late = await tools("shell_run", command="echo begun; sleep 600 & echo child:$!; wait", timeout_seconds=1)
    assert late["timed_out"] is True
    assert late["exit_code"] >= 128
    assert not _runs(int(late["output"].split("child:")[1]))


async def test_of_a_long_output_the_beginning_and_the_end_are_told_and_the_rest_can_be_viewed(tools: Tools):
    done = await tools("shell_run", command="echo FIRST; yes é | head -c 3000000; echo LAST", session="much")
    assert done["output"].startswith("FIRST\né\n")
    assert done["output"].endswith("LAST\n")
    assert f"[{done['left_out']:,} bytes are left out here.]" in done["output"]
    assert len(done["output"].encode()) + done["left_out"] >= 3_000_011
    assert (await tools("shell_view", session="much", after=2_900_001))["output"].startswith("é")


# Calls that are made once


async def once(box: Box, call_id: str, tool: str, /, **arguments):
    async with Client(f"{box.url}/mcp") as client:
        return await client.call_tool(tool, arguments, meta={CALL_ID: call_id})


async def test_a_call_that_is_asked_for_again_is_made_once_and_answers_the_same(box: Box):
    command = f"echo x >> {box.home}/times; sleep 1; wc -l < {box.home}/times"
    asked = [once(box, "call-1", "shell_run", command=command) for _ in range(3)]
    first, *others = await asyncio.gather(*asked)
    late = await once(box, "call-1", "shell_run", command=command)
    assert first.structured_content["output"] == "1\n"
    assert all(answer.structured_content == first.structured_content for answer in (*others, late))
    another = await once(box, "call-2", "shell_run", command=command)
    assert another.structured_content["output"] == "2\n"


async def test_a_call_goes_on_when_its_caller_has_gone(box: Box):
    command = f"echo x >> {box.home}/gone; until [ -e {box.home}/go ]; do sleep 0.05; done; wc -l < {box.home}/gone"
    asking = asyncio.create_task(once(box, "call-3", "shell_run", command=command))
    async with asyncio.timeout(60):
        while not (box.home / "gone").exists():
            await asyncio.sleep(0.02)
    asking.cancel()
    await asyncio.wait([asking])
    again = asyncio.create_task(once(box, "call-3", "shell_run", command=command))
    (box.home / "go").touch()
    assert (await again).structured_content["output"] == "1\n"


async def test_a_server_that_was_started_anew_does_not_begin_a_call_again(tmp_path: Path):
    async with running_box(tmp_path) as box:
        command = f"echo x >> {tmp_path}/n"
        await once(box, "call-4", "shell_run", command=command)
    async with running_box(tmp_path) as box:
        again = await once(box, "call-4", "shell_run", command=command)
    assert again.is_error
    assert "not made again" in again.content[0].text
    assert (tmp_path / "n").read_text() == "x\n"


async def test_the_product_knows_the_tools_as_they_are():
    assert json.loads((ROOT / "agents_backend/agents/sandbox_tools.json").read_text()) == await described(), "make docs"


# Sessions


async def test_a_long_command_is_viewed_from_where_the_last_view_ended(tools: Tools):
    command = "echo one; read line; echo got:$line; exit 0"
    first = await tools("shell_start", command=command, pty=False, session="steps", wait_seconds=2)
    assert (first["output"], first["running"]) == ("one\n", True)
    await tools("shell_write", session="steps", text="two\n", wait_seconds=0)
    rest = await tools("shell_view", session="steps", after=first["end"], wait_seconds=30)
    assert rest["output"] == "got:two\n"
    done = await tools("shell_view", session="steps", after=rest["end"], wait_seconds=30)
    assert done["exit_code"] == 0


async def test_a_terminal_can_be_interrupted_and_a_pipe_can_be_closed(tools: Tools):
    await tools("shell_start", command="sleep 600", session="sleeper", wait_seconds=0)
    gone = await tools("shell_write", session="sleeper", text="\u0003", wait_seconds=30)
    assert gone["exit_code"] == 130
    await tools("shell_start", command="cat", session="cat", pty=False, wait_seconds=0)
    done = await tools("shell_write", session="cat", text="all of it", end_input=True, wait_seconds=30)
    assert (done["output"], done["exit_code"]) == ("all of it", 0)


async def test_stopping_a_session_ends_what_it_started_even_when_it_will_not_listen(tools: Tools):
    command = "trap '' TERM HUP; sleep 600 & echo child:$!; wait; sleep 600"
    started = await tools("shell_start", command=command, session="stubborn", pty=False, wait_seconds=10)
    child = int(started["output"].split("child:")[1])
    stopped = await tools("shell_stop", session="stubborn")
    assert (stopped["running"], stopped["exit_code"]) == (False, 137)
    async with asyncio.timeout(10):
        while _runs(child):
            await asyncio.sleep(0.02)
    assert (await tools("shell_stop", session="stubborn"))["exit_code"] == 137


async def test_only_the_last_of_a_flood_is_kept_and_that_is_said(tools: Tools):
    flood = "yes é | head -c 4000000; echo; echo END"
    done = await tools("shell_start", command=flood, session="flood", pty=False, wait_seconds=60)
    async with asyncio.timeout(60):
        while done["running"]:
            done = await tools("shell_view", session="flood", wait_seconds=5)
    last = await tools("shell_view", session="flood")
    assert last["output"].endswith("END\n")
    assert last["dropped"]
    assert len(last["output"]) <= 30_000
    first = await tools("shell_view", session="flood", after=0)
    assert first["more"]
    assert first["dropped"]
    assert "\ufffd" not in first["output"][1:]


async def test_a_session_gets_variables_and_a_folder_and_not_the_servers_python(box: Box, tools: Tools):
    (box.home / "work").mkdir()
    command = "echo $PWD $COLOUR [$PYTHONPATH]"
    done = await tools(
        "shell_start", command=command, cwd=f"{box.home}/work", env={"COLOUR": "red"}, pty=False, wait_seconds=30
    )
    assert done["output"] == f"{box.home}/work red []\n"


async def test_what_a_shell_refuses_is_said(box: Box, tools: Tools):
    assert "no session nobody" in await tools.refused("shell_view", session="nobody")
    assert "letters" in await tools.refused("shell_start", session="a b", command="true")
    assert "does not exist" in await tools.refused("shell_start", command="true", cwd=f"{box.home}/nowhere")
    await tools("shell_start", command="sleep 600", session="once", wait_seconds=0)
    assert "running already" in await tools.refused("shell_start", command="true", session="once")
    await tools("shell_stop", session="once")
    assert "has ended" in await tools.refused("shell_write", session="once", text="x")
    assert (await tools("shell_start", command="true", session="once", wait_seconds=30))["exit_code"] == 0


async def test_sessions_are_listed_with_their_state(tools: Tools):
    await tools("shell_start", command="exit 5", session="listed", wait_seconds=30)
    found = {item["session"]: item for item in (await tools("shell_list"))["result"]}
    assert found["listed"]["exit_code"] == 5
    assert found["listed"]["command"] == "exit 5"


async def test_nothing_that_was_started_outlives_the_server(tmp_path):
    async with running_box(tmp_path) as box:
        call = Tools(box)
        command = "sleep 600 & echo $!; wait"
        started = await call("shell_start", command=command, pty=False, wait_seconds=10)
        child = int(started["output"])
        assert _runs(child)
    async with asyncio.timeout(10):
        while _runs(child):
            await asyncio.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


# Files


async def test_a_file_is_written_read_in_parts_and_edited(box: Box, tools: Tools):
    path = f"{box.home}/notes/a.txt"
    text = "".join(f"line {n}\n" for n in range(1, 11))
    assert (await tools("file_write", path=path, content=text))["size"] == len(text)
    part = await tools("file_read", path=path, start_line=3, max_lines=2)
    assert part["content"] == "line 3\nline 4\n"
    assert (part["end_line"], part["total_lines"], part["truncated"]) == (4, 10, True)
    assert not (await tools("file_read", path=path))["truncated"]
    await tools("file_edit", path=path, old="line 3\n", new="third\n")
    assert "line 2\nthird\nline 4" in (box.home / "notes/a.txt").read_text()
    assert "times" in await tools.refused("file_edit", path=path, old="line", new="row")
    assert (await tools("file_edit", path=path, old="line", new="row", replace_all=True))["replacements"] == 9
    assert "not in" in await tools.refused("file_edit", path=path, old="nothing like it", new="")
    empty = await tools("file_write", path=path, content="")
    assert empty["size"] == 0
    assert (await tools("file_read", path=path))["content"] == ""


async def test_a_written_file_keeps_its_mode(box: Box, tools: Tools):
    path = box.home / "run.sh"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    await tools("file_edit", path=str(path), old="sh\n", new="sh\necho hi\n")
    assert path.stat().st_mode & 0o777 == 0o755


async def test_reading_is_capped_and_goes_on(box: Box, tools: Tools):
    path = box.home / "big.txt"
    path.write_text("".join(f"{n:09}\n" for n in range(30_000)))
    part = await tools("file_read", path=str(path), max_lines=5_000)
    assert part["truncated"]
    assert part["end_line"] == 5_000
    path.write_text("x" * 500_000)
    assert len((await tools("file_read", path=str(path)))["content"]) == 100_000


async def test_files_that_are_no_text_or_not_there_are_refused(box: Box, tools: Tools):
    (box.home / "blob").write_bytes(b"\x00\x01")
    assert "not a text file" in await tools.refused("file_read", path=f"{box.home}/blob")
    assert "does not exist" in await tools.refused("file_read", path=f"{box.home}/nope")
    assert "is a directory" in await tools.refused("file_read", path=str(box.home))
    assert "is a directory" in await tools.refused("file_write", path=str(box.home), content="x")
    (box.home / "plain").write_text("x")
    assert "not a directory" in await tools.refused("file_write", path=f"{box.home}/plain/below", content="x")
    os.mkfifo(box.home / "fifo")
    assert "regular" in await tools.refused("file_read", path=f"{box.home}/fifo")


async def test_paths_are_absolute_and_stay_in_their_folders(box: Box, tools: Tools):
    (box.home / "way-out").symlink_to("/etc")
    (box.home / "loop").symlink_to(box.home / "loop")
    for path in ("/etc/passwd", f"{box.home}/../../etc/passwd", f"{box.home}/way-out/passwd"):
        assert "outside" in await tools.refused("file_read", path=path)
        assert "outside" in await tools.refused("file_write", path=path, content="x")
    assert "absolute" in await tools.refused("file_read", path="notes.txt")
    assert await tools.refused("file_read", path=f"{box.home}/loop/x")
    assert "NUL" in await tools.refused("file_read", path="/a\x00b")


async def test_text_is_found_by_pattern(box: Box, tools: Tools):
    folder = box.home / "searched"
    (folder / "node_modules").mkdir(parents=True)
    (folder / "a.py").write_text("import os\n# Needle: one\n")
    (folder / "b:1:c.txt").write_text("needle two\n")
    (folder / "node_modules/c.py").write_text("needle three\n")
    (folder / "bin").write_bytes(b"\x00needle")
    found = await tools("file_grep", pattern="needle", path=str(folder), ignore_case=True)
    assert {(m["path"].rsplit("/")[-1], m["line_number"], m["line"]) for m in found["matches"]} == {
        ("a.py", 2, "# Needle: one"),
        ("b:1:c.txt", 1, "needle two"),
    }
    only = await tools("file_grep", pattern="needle", path=str(folder), glob="*.txt")
    assert len(only["matches"]) == 1
    assert (await tools("file_grep", pattern="nowhere", path=str(folder)))["matches"] == []
    assert "refused" in await tools.refused("file_grep", pattern="(", path=str(folder))
    assert len((await tools("file_grep", pattern="(two", path=str(folder), fixed=True))["matches"]) == 0
    cut = await tools("file_grep", pattern=".", path=str(folder), limit=1)
    assert (len(cut["matches"]), cut["truncated"]) == (1, True)


async def test_folders_are_listed_and_globbed(box: Box, tools: Tools):
    folder = box.home / "tree"
    (folder / "deep/er").mkdir(parents=True)
    (folder / "deep/er/x.py").write_text("1")
    (folder / "link").symlink_to(folder / "deep")
    names = [e["path"].removeprefix(f"{folder}/") for e in (await tools("file_list", path=str(folder)))["entries"]]
    assert names == ["deep", "link"]
    deep = (await tools("file_list", path=str(folder), depth=3))["entries"]
    assert [e["type"] for e in deep] == ["directory", "directory", "file", "symlink"]
    globbed = (await tools("file_glob", path=str(folder), pattern="**/*.py"))["entries"]
    assert [e["path"] for e in globbed] == [f"{folder}/deep/er/x.py"]
    assert (await tools("file_list", path=str(folder), depth=3, limit=2))["truncated"]
    assert "stays" in await tools.refused("file_glob", path=str(folder), pattern="../*")
    assert "not there" in await tools.refused("file_list", path=f"{folder}/none")


# Patches

PATCH = """\
diff --git a/one.txt b/one.txt
index 111..222 100644
--- a/one.txt
+++ b/one.txt
@@ -2,3 +2,3 @@ a heading
 b
-c
+C
 d
@@ -6,2 +6,3 @@
 f
+f and a half
 g
--- /dev/null
+++ b/two.txt
@@ -0,0 +1,2 @@
+new
+file
\\ No newline at end of file
--- a/three.txt
+++ /dev/null
@@ -1 +0,0 @@
-gone
"""


async def test_a_patch_changes_creates_and_deletes_even_when_lines_have_moved(box: Box, tools: Tools):
    folder = box.home / "patched"
    folder.mkdir()
    (folder / "one.txt").write_text("zero\na\nb\nc\nd\ne\nf\ng\n")
    (folder / "three.txt").write_text("gone\n")
    done = await tools("file_patch", patch=PATCH, folder=str(folder))
    assert done == {
        "changed": [f"{folder}/one.txt"],
        "created": [f"{folder}/two.txt"],
        "deleted": [f"{folder}/three.txt"],
    }
    assert (folder / "one.txt").read_text() == "zero\na\nb\nC\nd\ne\nf\nf and a half\ng\n"
    assert (folder / "two.txt").read_text() == "new\nfile"
    assert not (folder / "three.txt").exists()


async def test_a_patch_that_does_not_fit_changes_nothing_at_all(box: Box, tools: Tools):
    folder = box.home / "unfit"
    folder.mkdir()
    (folder / "one.txt").write_text("a\nb\nc\nd\ne\nf\ng\n")
    (folder / "three.txt").write_text("something else\n")
    assert "does not match" in await tools.refused("file_patch", patch=PATCH, folder=str(folder))
    assert (folder / "one.txt").read_text() == "a\nb\nc\nd\ne\nf\ng\n"
    assert not (folder / "two.txt").exists()
    escape = "--- a/../../x\n+++ b/../../x\n@@ -0,0 +1 @@\n+x\n"
    assert "outside" in await tools.refused("file_patch", patch=escape, folder=str(box.home))
    for bad in ("hello", "--- a/x\n", "--- a/x\n+++ b/x\n", "--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n x\n", "@@ -1 +1 @@\n"):
        assert await tools.refused("file_patch", patch=bad, folder=str(folder))
    assert "git" in await tools.refused("file_patch", patch="rename from a\nrename to b\n", folder=str(folder))


async def test_a_patch_made_by_diff_gives_the_same_file_as_patch_does(box: Box, tools: Tools):
    folder = box.home / "made"
    folder.mkdir()
    before = "".join(f"row {n}\f{n % 7}\n" for n in range(200))
    after = before.replace("row 50", "row fifty").replace("row 120\f1\n", "").replace("row 180", "new\nrow 180")
    (folder / "old").write_text(before)
    (folder / "new").write_text(after)
    made = await tools("shell_start", command=f"cd {folder}; diff -u old new", pty=False, wait_seconds=30)
    patch = made["output"].replace("+++ new", "+++ old")
    await tools("file_patch", patch=patch, folder=str(folder))
    assert (folder / "old").read_bytes() == (folder / "new").read_bytes()


# Todos, ports, slides


async def test_todos_are_kept_by_the_sandbox_and_not_by_the_server(tmp_path):
    todos = [{"content": "plan", "status": "completed"}, {"content": "do", "status": "in_progress"}]
    async with running_box(tmp_path) as box:
        call = Tools(box)
        assert (await call("todo_read"))["todos"] == []
        await call("todo_write", todos=todos)
        two = [{"content": "a", "status": "in_progress"}, {"content": "b", "status": "in_progress"}]
        assert "one item" in await call.refused("todo_write", todos=two)
        assert await call.refused("todo_write", todos=[{"content": "x", "status": "soon"}])
    async with running_box(tmp_path) as box:
        assert (await Tools(box)("todo_read"))["todos"] == todos


async def test_a_registered_port_tells_whether_something_listens(tools: Tools):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert (await tools("port_register", port=port, name="web"))["listening"]
    assert (await tools("port_list"))["result"] == [{"port": port, "name": "web", "listening": False}]
    assert (await tools("port_remove", port=port))["result"] == []
    assert "not registered" in await tools.refused("port_remove", port=port)
    assert await tools.refused("port_register", port=70_000, name="web")


async def test_slides_are_pages_on_disk_and_come_back_as_they_were_written(box: Box, tools: Tools):
    page = "<!doctype html><html><head><title>x</title></head><body>--> é</body></html>"
    name = "Q3: results & más -->"
    made = await tools("slide_write", presentation_name=name, slide_number=2, title="<b>-- two", content=page)
    await tools("slide_write", presentation_name=name, slide_number=1, title="one", content="<p>1</p>")
    assert Path(made["path"]).parent.parent == box.home / "slides"
    back = await tools("slide_read", presentation_name=name, slide_number=2)
    assert (back["title"], back["content"], back["presentation_name"]) == ("<b>-- two", page, name)
    listed = (await tools("slide_list", presentation_name=name))["result"]
    assert [item["slide_number"] for item in listed] == [1, 2]
    await tools("slide_write", presentation_name=name, slide_number=2, title="two", content="<p>again</p>")
    again = await tools("slide_read", presentation_name=name, slide_number=2)
    assert again["content"] == "<p>again</p>"
    await tools("slide_delete", presentation_name=name, slide_number=2)
    assert "no slide 2" in await tools.refused("slide_read", presentation_name=name, slide_number=2)
    assert "no slide 2" in await tools.refused("slide_delete", presentation_name=name, slide_number=2)


async def test_a_slide_that_somebody_changed_is_written_only_by_who_knows_what_stands(box: Box, tools: Tools):
    place = {"presentation_name": "shared", "slide_number": 1}
    made = await tools("slide_write", **place, title="mine", content="<p>mine</p>")
    for late in ("slide_write", "slide_delete"):
        Path(made["path"]).write_text(f"<title>{late}</title>theirs")
        more = {"title": "t", "content": "c"} if late == "slide_write" else {}
        refused = await tools.refused(late, **place, **more)
        assert refused.endswith(f"Title: {late}\nPage:\n<title>{late}</title>theirs")
    Path(made["path"]).write_text("x" * 60_000)
    assert "use file_read for" in await tools.refused("slide_write", **place, title="t", content="c")
    await tools("slide_write", **place, title="t", content="c")
    assert "slide_write" in await tools.refused("file_write", path=made["path"], content="blind")
    Path(made["path"]).unlink()
    assert "was deleted" in await tools.refused("slide_write", **place, title="t", content="c")
    await tools("slide_write", **place, title="t", content="c")


async def test_what_one_reader_saw_another_has_not_seen(box: Box):
    place = {"presentation_name": "readers", "slide_number": 1}

    async def write(reader: str, content: str) -> str:
        async with Client(f"{box.url}/mcp") as client:
            given = {**place, "title": "t", "content": content}
            answer = await client.call_tool("slide_write", given, meta={READER: reader})
            return "refused" if answer.is_error else "written"

    assert [await write("a", "1"), await write("b", "2"), await write("b", "3")] == ["written", "refused", "written"]
    assert [await write("a", "4"), await write("a", "4"), await write("b", "4")] == ["refused", "written", "written"]


async def test_a_page_that_was_written_as_a_plain_file_is_a_slide_too(box: Box, tools: Tools):
    path = f"{box.home}/slides/by-hand/007.html"
    await tools("file_write", path=path, content="<title>Seven &amp; more</title>")
    (found,) = (await tools("slide_list", presentation_name="by-hand"))["result"]
    assert (found["slide_number"], found["title"]) == (7, "Seven & more")


async def test_slides_that_cannot_be_are_refused(tools: Tools):
    good = {"presentation_name": "p", "slide_number": 1, "title": "t", "content": "c"}
    for bad in (
        {"presentation_name": "../../etc"},
        {"presentation_name": ""},
        {"slide_number": 0},
        {"slide_number": 1000},
        {"title": ""},
        {"content": ""},
    ):
        assert await tools.refused("slide_write", **{**good, **bad})
    dots = await tools("slide_write", **{**good, "presentation_name": ".."})
    assert "/slides/" in dots["path"]


# The door


async def test_health_says_what_runs(box: Box):
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{box.url}/health")
    assert answer.json()["status"] == "healthy"


async def test_a_page_in_the_sandboxs_browser_cannot_speak_to_the_server(box: Box):
    port = box.url.rsplit(":", 1)[1]
    async with httpx.AsyncClient() as client:
        for host, origin, expected in (
            (f"{port}-sbx123.e2b.app", None, 200),
            (f"{port}-sbx123.localhost:7777", None, 200),
            ("localhost", "http://localhost:3000", 200),
            ("evil.example.com", None, 403),
            (f"{port}-rebound.example.com", "http://rebound.example.com", 403),
            ("localhost", "null", 403),
            ("", None, 403),
            ("[", None, 403),
        ):
            headers = {"Host": host, **({"Origin": origin} if origin else {})}
            assert (await client.get(f"{box.url}/health", headers=headers)).status_code == expected, (host, origin)
