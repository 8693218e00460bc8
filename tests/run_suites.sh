#!/bin/sh
# run_suites.sh - runs suites of the whole daemon, says PASS, FAIL, SKIP a check, counts them.
#
#   tests/run_suites.sh [-o RESULTS] [SUITE ..]    (default: all of tests/e2e and tests/channels)
#
# A suite is a script: .mjs in node's test runner (its TAP is translated), or .sh that prints lines
# that begin with PASS, FAIL or SKIP itself. RESULTS gets these lines, one a check, appended.
# Logs stand in BUILD/suite-logs/. Ends with 1 when something failed.
set -u
export LC_ALL=C
top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
top_builddir=${top_builddir:-$top_srcdir/build}
export top_srcdir top_builddir
results=$top_builddir/suite-logs/results
while getopts o: option; do
    case $option in
    o) results=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
logs=$top_builddir/suite-logs
mkdir -p "$logs"
status=0

# TAP of node's runner, nested or not, as PASS, FAIL, SKIP lines: the leaves only.
from_tap() { # NAME
    sed -nE -e 's/^ *ok [0-9]+ - (.*) # SKIP ?(.*)$/SKIP '"$1"': \1: \2/p;t' \
        -e 's/^ *ok [0-9]+ - (.*)$/PASS '"$1"': \1/p;t' \
        -e 's/^ *not ok [0-9]+ - (.*) # TODO.*$/SKIP '"$1"': \1/p;t' \
        -e 's/^ *not ok [0-9]+ - (.*)$/FAIL '"$1"': \1/p'
}

run_one() { # SCRIPT
    name=$(basename "$1")
    name=${name%.*}
    log=$logs/$name.log
    case $1 in
    *.mjs)
        node --test-reporter=tap "$1" >"$log" 2>&1 </dev/null
        code=$?
        from_tap "$name" <"$log" >"$log.lines"
        ;;
    *)
        "$1" >"$log" 2>&1 </dev/null
        code=$?
        grep -E '^(PASS|FAIL|SKIP) ' "$log" | sed -E "s/^([A-Z]+) /\1 $name: /" >"$log.lines"
        ;;
    esac
    if [ $code -ne 0 ] && ! grep -q '^FAIL ' "$log.lines"; then
        echo "FAIL $name: ended with $code" >>"$log.lines"
    elif [ ! -s "$log.lines" ]; then
        echo "PASS $name: ended with 0" >>"$log.lines"
    fi
    cat "$log.lines"
    cat "$log.lines" >>"$results"
    if grep -q '^FAIL ' "$log.lines"; then
        status=1
        echo "--- the end of $log"
        tail -60 "$log"
        echo "---"
    fi
    rm -f "$log.lines"
}

[ $# -gt 0 ] || set -- "$top_srcdir"/tests/e2e/*.mjs "$top_srcdir"/tests/e2e/*.sh \
    "$top_srcdir"/tests/channels/*.mjs
for suite in "$@"; do
    [ -f "$suite" ] && run_one "$suite"
done
exit $status
