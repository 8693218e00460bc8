#!/bin/sh
# store_faults.sh - the store on a disk that breaks: what it has acknowledged must be there after.
#
# Rows: killed at the n-th write, killed in the middle of it, fsync gives EIO, disk full, power
# cut; and a check that the power cut bites. Each row is the sum of its runs. The last two need
# root and a loop device, disk full needs root; they are skipped with a message otherwise.
# TANDEM_FULL=1: all of the runs (a minute), else a part. ONLY=row runs one row.

set -u
top_srcdir=${top_srcdir:-.}
top_builddir=${top_builddir:-.}
writer=$top_builddir/tests/e2e/store_writer
fault=$top_builddir/tests/e2e/.libs/iofault.so
dir=$(mktemp -d "${TMPDIR:-/tmp}/store_faults.XXXXXX") || exit 99
failed=0
mounted=
kills=150 torn=40 fails=40 cuts=8
[ "${TANDEM_FULL:-}" = 1 ] && kills=400 torn=100 fails=100 cuts=20

# shellcheck disable=SC2317 # called by the trap
clean_up() {
    [ -n "$mounted" ] && umount "$mounted" 2>/dev/null
    rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

begin() {
    row=$1 wrongs=0 runs=0 sent=0 acked=0 stored=0 lost=0 dup=0 reordered=0 slowest=0
}

# verify DB LEDGER: adds a run to the row. 1 when something is wrong.
verify() {
    line=$($writer verify "sqlite:$1" "$2")
    rc=$?
    # shellcheck disable=SC2086
    set -- $line
    [ $# -ge 7 ] || { echo "$row: cannot verify: $line" >&2; wrongs=1 failed=1; return 1; }
    runs=$((runs + 1)) sent=$((sent + $1)) acked=$((acked + $2)) stored=$((stored + $3))
    lost=$((lost + $4)) dup=$((dup + $5)) reordered=$((reordered + $6))
    slowest=$(printf '%s\n%s\n' "$slowest" "$7" | sort -n | tail -1)
    return $rc
}

wrong() {
    echo "$row: $*" >&2
    wrongs=$((wrongs + 1))
    failed=1
}

skip() {
    echo "SKIP $1: $2"
}

end() {
    verdict=PASS
    [ $wrongs -gt 0 ] && verdict=FAIL
    echo "$verdict $row: runs $runs, sent $sent, acked $acked, stored $stored, lost $lost, dup $dup," \
        "reordered $reordered, recovery_ms $slowest"
}

chosen() {
    [ "${ONLY:-$1}" = "$1" ]
}

fresh() {
    rm -rf "$dir/db"
    rm -f "$dir/ledger"
    mkdir "$dir/db"
}

# The n-th write from the creation of the file on; the store of the run before goes on every other
# time, so that recovery itself is interrupted as well.
killed() {
    begin "$2"
    n=1
    while [ $n -le "$3" ]; do
        [ $((n % 2)) = 1 ] && fresh
        LD_PRELOAD=$fault IOFAULT=$1:$n $writer write "sqlite:$dir/db/s.db" "$dir/ledger" -n 40 \
            2>/dev/null
        [ -f "$dir/ledger" ] || : >"$dir/ledger"
        [ -f "$dir/db/s.db" ] && { verify "$dir/db/s.db" "$dir/ledger" || wrong "at write $n: $line"; }
        n=$((n + 1))
    done
    end
}

# After the first EIO nothing may be acknowledged, the store says that it failed once, and a second
# run takes the unacknowledged messages again without doubling one.
fsync_fails() {
    begin "when fsync gives EIO it acknowledges no more and recovers"
    n=1
    while [ $n -le "$1" ]; do
        fresh
        LD_PRELOAD=$fault IOFAULT=eio:$n $writer write "sqlite:$dir/db/s.db" "$dir/ledger" -n 40 \
            2>"$dir/err"
        rc=$?
        [ -f "$dir/ledger" ] || : >"$dir/ledger"
        case $rc in
        75) grep -q 'the store failed 1 time' "$dir/err" || wrong "fsync $n: not told once" ;;
        1) grep -q '^a' "$dir/ledger" && wrong "fsync $n: did not open, but acknowledged" ;;
        0) [ $n -gt 20 ] || wrong "fsync $n: was not noticed" ;;
        *) wrong "fsync $n: ended with $rc" ;;
        esac
        $writer write "sqlite:$dir/db/s.db" "$dir/ledger" -n 45 2>"$dir/err" ||
            wrong "fsync $n: no recovery: $(cat "$dir/err")"
        verify "$dir/db/s.db" "$dir/ledger" || wrong "fsync $n: $line"
        n=$((n + 1))
    done
    end
}

disk_full() {
    begin "a full disk refuses and resumes by itself"
    fresh
    if ! mount -t tmpfs -o size=4m,mode=700 tandem "$dir/db" 2>/dev/null; then
        skip "$row" "it needs root, to mount a tmpfs"
        return
    fi
    mounted=$dir/db
    head -c 2500000 /dev/zero >"$dir/db/balloon"
    : >"$dir/ledger"
    $writer write "sqlite:$dir/db/s.db" "$dir/ledger" -t 9000 &
    pid=$!
    before=-1 quiet=0
    while [ $quiet -lt 4 ]; do # a busy machine may pause for a moment
        now=$(wc -l <"$dir/ledger")
        [ "$now" -eq "$before" ] && quiet=$((quiet + 1)) || quiet=0
        before=$now
        sleep 0.4
    done
    kill -0 $pid || wrong "the writer did not live"
    [ "$(wc -l <"$dir/ledger")" -eq "$before" ] || wrong "it was not full"
    rm "$dir/db/balloon"
    start=$(date +%s%N)
    while [ "$(wc -l <"$dir/ledger")" -eq "$before" ] &&
        [ $(($(date +%s%N) - start)) -lt 5000000000 ]; do
        sleep 0.05
    done
    ms=$((($(date +%s%N) - start) / 1000000))
    [ $ms -le 2000 ] || wrong "resumed after $ms ms"
    wait $pid || wrong "the writer ended with $?"
    verify "$dir/db/s.db" "$dir/ledger" || wrong "$line"
    umount "$dir/db"
    mounted=
    end
}

# One power cut at a random moment. The writer is killed just before: an fdatasync that races with the
# cut may say that all is well (seen with a bare loop of write and fdatasync), and only a dead machine
# tells nobody. More arguments go to the writer. 1: something was lost.
cut_power() {
    mkdir -p "$dir/disk"
    rm -f "$dir/ledger" "$dir/image"
    truncate -s 128M "$dir/image"
    mkfs.ext4 -q -F "$dir/image" && mount -o loop "$dir/image" "$dir/disk" || return 2
    mounted=$dir/disk
    $writer write "sqlite:$dir/disk/s.db" "$dir/ledger" "$@" 2>/dev/null &
    pid=$!
    sleep "0.$(od -An -N2 -tu2 /dev/urandom | awk '{ printf "%03d", 50 + $1 % 700 }')"
    kill -9 $pid 2>/dev/null
    $writer cut "$dir/disk" || return 2
    wait $pid 2>/dev/null
    umount "$dir/disk"
    e2fsck -fy "$dir/image" >/dev/null 2>&1
    mount -o loop "$dir/image" "$dir/disk" || return 2
    [ -f "$dir/ledger" ] || : >"$dir/ledger"
    verify "$dir/disk/s.db" "$dir/ledger"
    rc=$?
    umount "$dir/disk"
    mounted=
    return $rc
}

can_cut() {
    mkdir -p "$dir/disk"
    truncate -s 16M "$dir/image"
    mkfs.ext4 -q -F "$dir/image" 2>/dev/null && mount -o loop "$dir/image" "$dir/disk" 2>/dev/null &&
        umount "$dir/disk"
}

power_cuts() {
    begin "after a power cut all that was acknowledged is there"
    while [ $runs -lt "$1" ]; do
        cut_power
        case $? in
        0) ;;
        1) wrong "$line" ;;
        *) wrong "the cut did not work"; break ;;
        esac
    done
    end
}

# The same without waiting for the disk must be caught, or the test above proves nothing.
teeth() {
    begin "without waiting for the disk the power cut is found to lose"
    caught=0
    while [ $runs -lt 15 ] && [ $caught = 0 ]; do
        cut_power -u || caught=1
    done
    [ $caught = 1 ] || wrong "15 power cuts without waiting for the disk lost nothing"
    end
}

if grep -q '^#define TD_SANITIZED' "$top_builddir/config.h"; then
    skip "killed, torn, EIO" "a sanitizer does not go with a preloaded library"
else
    chosen kill && killed kill "killed at the n-th write nothing acknowledged is lost" $kills
    chosen torn && killed torn "killed in the middle of a write nothing acknowledged is lost" $torn
    chosen eio && fsync_fails $fails
fi
chosen full && disk_full
if chosen cut && can_cut; then
    power_cuts $cuts
    teeth
elif chosen cut; then
    skip "power cut" "it needs root and a loop device"
fi
exit $failed
