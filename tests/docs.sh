#!/bin/sh
# docs.sh - the manual pages and the sample conf say what the option tables and texts say, and their
# examples are what tandemd takes.
#
#   tests/docs.sh            fails when they differ
#   tests/docs.sh --write    makes them equal
set -eu
export LC_ALL=C
top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
top_builddir=${top_builddir:-$top_srcdir/build}
tandemd=$top_builddir/tandemd
man=$top_srcdir/conf/tandem.conf.5
handoff=$top_srcdir/conf/tandem-handoff.7
sample=$top_srcdir/conf/tandem.conf
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# "name (spec): help" lines as manual page entries.
as_man() {
    sed -n -e 's/\\/\\e/g' -e 's/"/\\(dq/g' -e "s/^'/\\\\(aq/" \
        -e 's/^\[\(.*\)\]\(.*\)$/.SS "[\1]\2"/p' \
        -e 's/^signals of `when`$/.SS "Signals of when"/p' \
        -e 's/^\([a-z_]*\) (\([^)]*\)): \(.*\)$/.TP\n.BR \1 " (\2)"\n\3/p' \
        -e 's/^\([a-z_.]*\) (\([a-z ]*\))$/.TP\n.BR \1 " (\2)"/p' \
        -e 's/^    \(.*\)$/\1/p' | sed 's/-/\\-/g'
}

# A name that a channel and a desk have in common is answered with both.
keys() {
    "$tandemd" --keys
    for file in "$top_builddir"/channels/.libs/*.so "$top_builddir"/plugins/.libs/*.so; do
        "$tandemd" --keys "$(basename "$file" .so)"
    done
}

keys | awk '/^\[/ { skip = seen[$0]++ } !skip' | as_man >"$work/keys"
awk -v keys="$work/keys" '
    /^\.\\" BEGIN KEYS/ { print; while ((getline line < keys) > 0) print line; skip = 1 }
    /^\.\\" END KEYS/ { skip = 0 }
    !skip && !/BEGIN KEYS/ { print }' "$man" >"$work/man"
# What customers hear: "state", then "    kind: what is said".
"$tandemd" -c /dev/null --texts en | sed -e 's/\\/\\e/g' -e 's/-/\\-/g' \
    -e 's/^\([a-z_]*\)$/.TP\n.B \1/' -e 's/^    \([a-z]*\): \(.*\)$/\\fI\1\\fR: \2\n.br/' >"$work/texts"
awk -v texts="$work/texts" '
    /^\.\\" BEGIN TEXTS/ { print; while ((getline line < texts) > 0) print line; skip = 1 }
    /^\.\\" END TEXTS/ { skip = 0 }
    !skip && !/BEGIN TEXTS/ { print }' "$handoff" >"$work/handoff"
"$tandemd" --init "$work/init" >"$work/out"

if [ "${1:-}" = --write ]; then
    cp "$work/man" "$man"
    cp "$work/handoff" "$handoff"
    cp "$work/init/tandem.conf" "$sample"
    exit 0
fi
status=0

# The examples of both pages together, each block where it belongs, and whom they name besides.
mkdir -p "$work/example"
cat "$man" "$handoff" | awk -v to="$work/example/block" '
    /^\.EX/ { n++; inside = 1; next }
    /^\.EE/ { inside = 0 }
    inside { gsub(/\\-/, "-"); gsub(/\\e/, "\\"); print > (to n) }'
cat >"$work/example/tandem.conf" <<'END'
[tandem]
store = memory:
texts = texts.conf
packs = packs
[agent front]
type = echo
[agent billing]
type = echo
[agent billing_new]
type = echo
[desk other]
type = web
path = /other
[queue sales]
desk = other
END
mkdir -p "$work/example/packs/nl"
cp -R "$top_srcdir/conf/packs/." "$work/example/packs"
for block in "$work"/example/block*; do
    case $(cat "$block") in
    *"
match "*) cp "$block" "$work/example/packs/nl/want_human.pack" ;;
    "[texts "*) cp "$block" "$work/example/texts.conf" ;;
    *) sed "s,@file:/etc/tandem/,@file:$work/example/," "$block" >>"$work/example/tandem.conf" ;;
    esac
done
echo a-token-for-an-example-0123456789 >"$work/example/mia.token"
chmod 600 "$work/example/mia.token"
for needed in packs/nl/want_human.pack texts.conf; do
    [ -s "$work/example/$needed" ] || { echo "no page has an example of $needed" >&2; status=1; }
done
if ! "$tandemd" -t -c "$work/example/tandem.conf" >"$work/out" 2>&1; then
    cat "$work/out" >&2
    echo "an example of tandem.conf(5) or tandem-handoff(7) is none" >&2
    status=1
fi

for pair in "$man $work/man" "$handoff $work/handoff" "$sample $work/init/tandem.conf"; do
    # shellcheck disable=SC2086 # two words
    if ! diff -u $pair; then
        echo "${pair%% *} differs from what tandemd says: run tests/docs.sh --write" >&2
        status=1
    fi
done
exit $status
