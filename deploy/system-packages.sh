#!/bin/sh
# Installs the optional system packages with apt where it may (Debian or Ubuntu, as root or with a passwordless sudo), says in
# one line what is missing where it may not, and never fails: what needs them says so itself. Quick when all is there.
set -u

wanted=""
missing() { wanted="$wanted $2"; what="${what:+$what, }$1"; }
has() { command -v "$1" > /dev/null 2>&1; }
offered() { apt-cache show "$1" > /dev/null 2>&1; }
has_font() { has fc-list && fc-list ":lang=$1" family 2> /dev/null | grep -qi noto; }
what=""

case "$(uname -s)" in
    Linux) ;;
    *) exit 0 ;; # macOS: each part that wants one of these does without, or says how to get it
esac

has chromium || has chromium-browser || has google-chrome || missing "chromium (the console's tests, PDF export)" chromium
has chromium-headless-shell || ! offered chromium-headless-shell || missing "chromium-headless-shell (faster tests of the console)" chromium-headless-shell
has bwrap || missing "bubblewrap (the embedded sandboxes)" bubblewrap
has slirp4netns || missing "slirp4netns (their network)" slirp4netns
has soffice || has libreoffice || missing "libreoffice-impress (pictures of decks)" libreoffice-impress
has nginx || [ -x /usr/sbin/nginx ] || missing "nginx (the test of the proxy's configuration)" nginx-light
has_font en || missing "Noto fonts" "fontconfig fonts-noto-core"
has_font zh-cn || missing "Noto CJK fonts (Chinese, Japanese, Korean)" fonts-noto-cjk
has_font ar || case "$wanted" in *fonts-noto-core*) ;; *) missing "Noto Arabic fonts" fonts-noto-core ;; esac
[ -n "$wanted" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    as_root="sudo -n"
    $as_root true 2> /dev/null || as_root="no"
fi
if ! has apt-get || [ "$as_root" = "no" ]; then
    echo "Optional and not installed: $what. As root on Debian: apt-get install$wanted"
    exit 0
fi

echo "Installing with apt:$wanted"
# Another apt may be at work: wait for it a while. One package that a release lacks must not keep the others out.
apt() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -qq "$@" > /dev/null 2>&1; }
apt update || echo "apt-get update failed; trying with the lists that are here."
# shellcheck disable=SC2086  # a list of words
if ! apt install --yes --no-install-recommends $wanted; then
    for package in $wanted; do
        apt install --yes --no-install-recommends "$package" || echo "Not installed: $package (its tests skip and say so)."
    done
fi
exit 0
