#!/bin/sh
# Prints what the gateway does over SMPP against Kannel's bearerbox and smsbox on the same SMSC, each
# in turn, so that what else the machine does meets them alike. See README.md.
# BENCH_ROUNDS (3), BENCH_SECONDS of each talk (4), BENCH_CUSTOMERS (400) who talk at once.
set -u
bin=${top_builddir:?is set by make bench-sms}
rounds=${BENCH_ROUNDS:-3}
seconds=${BENCH_SECONDS:-4}
customers=${BENCH_CUSTOMERS:-400}
PATH=$PATH:/usr/sbin
port=$((20000 + $$ % 10000))
pids=
failed=0

command -v bearerbox >/dev/null && command -v smsbox >/dev/null || {
    echo "kannel is not installed: there is nothing to compare with" >&2
    exit 77
}
dir=$(mktemp -d "${BENCH_DIR:-/var/tmp}/tandem-sms.XXXXXX") || exit 2
stop() {
    for pid in $pids; do kill "$pid" 2>/dev/null; done
    for pid in $pids; do wait "$pid" 2>/dev/null; done
    pids=
}
trap 'stop; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

start_kannel() { # STORE
    rm -rf "$dir/spool" "$dir/store"
    mkdir "$dir/spool"
    where=$dir/spool
    [ "$1" = spool ] || where=$dir/store
    cat >"$dir/kannel.conf" <<END
group = core
admin-port = $((port + 1))
admin-password = x
admin-interface = 127.0.0.1
smsbox-port = $((port + 2))
smsbox-interface = 127.0.0.1
store-type = $1
store-location = $where
log-level = 3
log-file = $dir/bearerbox.log
dlr-storage = internal

group = smsc
smsc = smpp
host = 127.0.0.1
port = $port
transceiver-mode = true
smsc-username = acme
smsc-password = secret
system-type = ""
max-pending-submits = 100

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = $((port + 3))
sendsms-interface = 127.0.0.1
log-level = 3
log-file = $dir/smsbox.log

group = sms-service
keyword = default
text = "when does it come, 4711?"
END
    bearerbox "$dir/kannel.conf" >/dev/null 2>&1 &
    pids="$pids $!"
    sleep 0.5 # smsbox panics without a bearerbox; the SMSC waits half a second after the bind
    smsbox "$dir/kannel.conf" >/dev/null 2>&1 &
    pids="$pids $!"
}

start_tandem() {
    rm -f "$dir"/t.db*
    cat >"$dir/tandem.conf" <<END
[tandem]
listen = 127.0.0.1:0
store = sqlite:$dir/t.db
control = $dir/control
plugin_dir = $bin/channels/.libs, $bin/plugins/.libs
log_level = error
max_sessions = 20000
[channel sms]
type = sms_smpp
host = 127.0.0.1
port = $port
system_id = acme
password = secret
source = 12345
window = 100
tps = 100000
dlr = none
disclose_ai = no
agent = bot
[agent bot]
type = echo
END
    chmod 600 "$dir/tandem.conf"
    "$bin/tandemd" -c "$dir/tandem.conf" >>"$dir/log" 2>&1 &
    pids="$pids $!"
}

# one NAME MODE A B: a run, its line of figures added to $dir/NAME-MODE
one() {
    port=$((port + 4))
    "$bin/tests/bench/smscsim" "$port" "$2" "$3" "$4" >"$dir/out" 2>>"$dir/log" &
    sim=$!
    sleep 0.1
    case $1 in
    tandem) start_tandem ;;
    *) start_kannel "$1" ;;
    esac
    wait "$sim"; code=$?
    ticks=0
    for pid in $pids; do
        ticks=$((ticks + $(cut -d ' ' -f 14,15 "/proc/$pid/stat" | tr ' ' '+')))
    done
    [ $code -eq 0 ] || { echo "$1 $2 failed:" >&2; tail -5 "$dir/log" >&2; failed=1; }
    echo "$(cat "$dir/out") $ticks" >>"$dir/$1-$2"
    stop
}

column() { # FILE N: the median
    cut -d ' ' -f "$2" "$dir/$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# row NAME FILE COLUMN REFERENCE WANTED: the medians and their ratio; WANTED "-": only told.
row() {
    ours=$(column "tandem-$2" "$3") theirs=$(column "$4-$2" "$3")
    ratio=$(awk "BEGIN { printf \"%.2f\", $ours / ($theirs + 0.001) }" </dev/null)
    verdict=
    if [ "$5" != - ]; then
        verdict=ok
        awk "BEGIN { exit !($ratio $5) }" </dev/null || { verdict=MISSED; failed=1; }
    fi
    printf '%-52s %10s %10s %8s %8s  %s\n' "$1" "$ours" "$theirs" "$ratio" "$5" "$verdict"
}

for _ in $(seq "$rounds"); do
    for who in spool tandem file; do
        one "$who" talk "$customers" "$seconds"
        one "$who" inbound 5000 100
    done
done

printf '%-52s %10s %10s %8s %8s\n' 'customer -> SMSC -> gateway -> disk -> SMSC' tandem kannel ratio wanted
# Of all processes, by ticks of 10 ms; talk warms up for a second, which counts, too.
cpu() { # NAME
    awk -v seconds="$((seconds + 1))" '{ print $6 * 10000 / ($1 * seconds) }' "$dir/$1-talk" | sort -n |
        awk '{ v[NR] = $1 } END { printf "%.0f", v[int((NR + 1) / 2)] }'
}
for store in spool file; do
    least='>= 4'
    [ "$store" = spool ] || least='>= 0.7'
    row "answers/s, $customers customers; store-type $store" talk 1 "$store" "$least"
    row "  until the answer, p50 us" talk 4 "$store" -
    row "  until the answer, p99 us" talk 5 "$store" -
    printf '%-52s %10s %10s\n' '  CPU us a message and its answer' "$(cpu tandem)" "$(cpu "$store")"
    row "inbound/s, 100 under way; store-type $store" inbound 1 "$store" "$least"
    row "  until deliver_sm_resp, p50 us" inbound 2 "$store" -
    row "  until deliver_sm_resp, p99 us" inbound 3 "$store" -
done
"$bin/tests/bench/bench_smpp" | while read -r name ns; do
    printf '%-52s %10s\n' "codec, in and out, ns a message: $name" "$ns"
done
exit $failed
