#!/bin/sh
# build.sh - makes contrib/web/pages from the sources beside it.
#
#   build.sh [--check] SRCDIR BUILDDIR
#
# Nothing is done while pages/sources.sha256 fits the sources, so that a machine without npm builds
# from what is kept in the tree. Otherwise npm gets the packages of the lock file into
# BUILDDIR/web-work, and the pages are made there. With --check they are made in any case, and
# compared with those in the tree; 77 when npm's packages are not there.
set -eu
check=
[ "$1" != --check ] || { check=yes; shift; }
web=$1/contrib/web
work=$2/web-work
pages=$web/pages

sources() {
    (cd "$web" && find build.mjs package.json package-lock.json tsconfig.json chat desk shared widget -type f |
        LC_ALL=C sort | xargs sha256sum)
}

if [ -z "$check" ] && [ "$(sources)" = "$(cat "$pages/sources.sha256" 2>/dev/null)" ]; then
    exit 0
fi
if [ -z "$check" ] && ! command -v npm >/dev/null; then
    echo "contrib/web: the pages are older than their sources, and npm is not there to make them" >&2
    exit 0
fi
if [ -n "$check" ] && [ ! -d "$work/node_modules" ]; then
    exit 77
fi

mkdir -p "$work"
(cd "$web" && tar cf - build.mjs package.json package-lock.json tsconfig.json chat desk shared widget) |
    (cd "$work" && rm -rf chat desk shared widget && tar xf -)
if [ -z "$check" ] && ! cmp -s "$work/package-lock.json" "$work/node_modules/lock"; then
    npm ci --prefix "$work" --no-audit --no-fund --ignore-scripts >/dev/null
    cp "$work/package-lock.json" "$work/node_modules/lock"
fi
node "$work/build.mjs" "$work/pages"
sources >"$work/pages/sources.sha256"
if [ -n "$check" ]; then
    # How well gzip packs may differ from one version to the next; what is in it may not.
    find "$work/pages" "$pages" -name '*.gz' | while read -r file; do
        gzip -dc "$file" | cmp - "${file%.gz}"
    done
    exec diff -r --exclude='*.gz' "$work/pages" "$pages"
fi
rm -rf "$pages"
cp -R "$work/pages" "$pages"
echo "contrib/web: made the pages; keep them with their sources"
