#!/bin/sh
# outoftree.sh - a plugin is built from an installed header alone, and an installed daemon takes it.
set -eu
export LC_ALL=C
top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
top_builddir=${top_builddir:-$top_srcdir/build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The make above us has flags and jobs of its own.
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$top_builddir" install DESTDIR="$work/stage" \
    >"$work/install.log" 2>&1 || { cat "$work/install.log"; exit 1; }
pc=$(find "$work/stage" -name tandem-plugin.pc)
prefix=$(sed -n 's/^prefix=//p' "$pc")
flags=$(PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --define-variable=prefix="$work/stage$prefix" \
    --cflags tandem-plugin)

mkdir "$work/mine"
cp "$top_srcdir/channels/loopback.c" "$work/mine/"
# shellcheck disable=SC2086 # words are wanted
${CC:-cc} -shared -fPIC $flags "$work/mine/loopback.c" -o "$work/mine/loopback.so"

cat >"$work/tandem.conf" <<CONF
[tandem]
plugin_dir = $work/mine, $(find "$work/stage" -name agent_echo.so -exec dirname {} \;)
[channel mine]
type = loopback
agent = echo
[agent echo]
type = echo
CONF
"$(find "$work/stage" -name tandemd -type f)" -t -c "$work/tandem.conf"
for file in chat/index.html chat.json tandemd.8 tandem.conf.5 tandemctl.1 tandem.service; do
    find "$work/stage" -path "*/$file" | grep -q . || { echo "$file is not installed" >&2; exit 1; }
done
