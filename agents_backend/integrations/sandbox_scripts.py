"""The shell programs by which a command in a sandbox outlives whoever waits for it.

A command is a process of its own session. What it writes goes to files of a folder named by the command's id, so that it can be
awaited, looked at and stopped by anybody at any time; making that folder is what starts it, so it is never started twice.
"""

from dataclasses import dataclass
from typing import Final, Literal

MAX_OUTPUT: Final = 1_000_000
NOTHING: Final = "\n"

_FOLDER = 'd="$HOME/.agents/commands/$AGENTS_ID"'

# $0: the folder, $1: the command, $2: its timeout in seconds. Field 22 of stat tells this process from a later one of its number.
_RUNNER = r"""
echo "$$ $(cut -d" " -f22 /proc/$$/stat)" > "$0/pid"
s=$(date +%s%3N)
timeout --foreground -k 5 "$2" bash -c "$1" > "$0/out" 2> "$0/err" < /dev/null
c=$?
echo "$c $s $(date +%s%3N)" > "$0/exit.new" && mv "$0/exit.new" "$0/exit"
[ "$c" = 124 ] && kill -KILL -- -$$
"""

_ALIVE = r"""
alive() {
    [ -e "$d/pid" ] || { [ "$(find "$d" -maxdepth 0 -mmin -1)" ] && return 0; return 1; }
    read -r pid born < "$d/pid"
    [ "$(cut -d" " -f22 "/proc/$pid/stat" 2> /dev/null)" = "$born" ]
}
"""

_REPORT = r"""
if [ -e "$d/exit" ]; then echo "finished $(cat "$d/exit")"; elif alive; then echo running; elif [ -e "$d/exit" ]; then echo "finished $(cat "$d/exit")"; else echo lost; fi
echo "$(stat -c %s "$d/out" 2> /dev/null || echo 0) $(stat -c %s "$d/err" 2> /dev/null || echo 0)"
head -c "$AGENTS_CAP" "$d/out" 2> /dev/null
head -c "$AGENTS_CAP" "$d/err" >&2 2> /dev/null
exit 0
"""

# The short waits are bash's own, since a sleep costs a process each.
_WAIT = r"""
exec 9<> <(:)
n=0
until [ -e "$d/exit" ]; do
    n=$((n + 1))
    if [ $n -lt 40 ]; then read -rt 0.005 -u 9; else read -rt 0.1 -u 9; alive || break; fi
    [ $SECONDS -lt "$AGENTS_WAIT" ] || break
done
"""

START: Final = f"""
{_FOLDER}
mkdir -p "${{d%/*}}" || exit 97
if mkdir "$d" 2> /dev/null; then
    c=$AGENTS_COMMAND t=$AGENTS_TIMEOUT e=$AGENTS_ENV
    (
        unset AGENTS_ID AGENTS_COMMAND AGENTS_TIMEOUT AGENTS_WAIT AGENTS_CAP AGENTS_ENV
        eval "$e"
        exec setsid bash -c '{_RUNNER}' "$d" "$c" "$t" > /dev/null 2>&1 < /dev/null
    ) &
    disown  # or bash would tell of its end on our stderr
    (find "${{d%/*}}" -mindepth 2 -maxdepth 2 -name exit -mmin +120 -printf '%h\\0' | xargs -0r rm -rf) > /dev/null 2>&1 &
fi
{_ALIVE}{_WAIT}{_REPORT}"""

WAIT: Final = f"""
{_FOLDER}
[ -d "$d" ] || {{ echo lost; echo "0 0"; exit 0; }}
{_ALIVE}{_WAIT}{_REPORT}"""

STOP: Final = f"""
{_FOLDER}
[ -d "$d" ] || {{ echo lost; echo "0 0"; exit 0; }}
{_ALIVE}
if [ ! -e "$d/exit" ] && alive && read -r pid born < "$d/pid"; then
    kill -TERM -- "-$pid" 2> /dev/null
    for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
        kill -0 -- "-$pid" 2> /dev/null || break
        sleep 0.2
    done
    kill -KILL -- "-$pid" 2> /dev/null
    [ -e "$d/exit" ] || echo "143 0 0" > "$d/exit"
fi
{_REPORT}"""


# Ends well whatever is there: a folder that is missing holds nothing.
DIGESTS: Final = """
find "$AGENTS_FOLDER" -mindepth 2 -maxdepth 2 -type f -size -4000k -print0 2> /dev/null \\
    | head -z -n 2000 | xargs -0r sha256sum -z 2> /dev/null
exit 0
"""


@dataclass(frozen=True)
class CommandReport:
    """What a sandbox says of a command.

    Attributes:
        state: `lost` is one whose process is gone without an exit code: the sandbox was booted anew meanwhile.
    """

    state: Literal["running", "finished", "lost"]
    exit_code: int | None
    duration_ms: int | None
    stdout: str
    stderr: str
    truncated: bool


def parse_report(stdout: str, stderr: str) -> CommandReport:
    """Read what one of the programs above printed.

    Raises:
        ValueError: it printed something else.
    """
    head, _, rest = stdout.partition(NOTHING)
    sizes, _, output = rest.partition(NOTHING)
    state, *numbers = head.split()
    out_size, err_size = (int(size) for size in sizes.split())
    truncated = max(out_size, err_size) > MAX_OUTPUT
    if state == "finished":
        code, began, ended = (int(number) for number in numbers)
        return CommandReport("finished", code, ended - began, output, stderr, truncated)
    if state in {"running", "lost"}:
        return CommandReport("running" if state == "running" else "lost", None, None, output, stderr, truncated)
    raise ValueError(f"a sandbox answered {head[:100]!r}")
