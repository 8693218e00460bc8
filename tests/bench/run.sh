#!/bin/sh
# Prints what the gateway does against what the least code does, both in one run. See README.md.
# BENCH_SECONDS: of each measurement; BENCH_CONNECTIONS: of the crowd; BENCH_SESSIONS: in the store;
# BENCH_PARTS: of chat crowd store isolation (default all).
set -u
bin=${top_builddir:?is set by make bench}
seconds=${BENCH_SECONDS:-5}
crowd=${BENCH_CONNECTIONS:-10000}
sessions=${BENCH_SESSIONS:-1000000}
dev=${BENCH_DEV:-$(basename "$(find /sys/block/vd* /sys/block/sd* /sys/block/nvme* -prune 2>/dev/null | head -n 1)")}
port=$((20000 + $$ % 10000))
pids=
failed=0

dir=$(mktemp -d "${BENCH_DIR:-/var/tmp}/tandem-bench.XXXXXX") || exit 2
memory=$(mktemp -d /dev/shm/tandem-bench.XXXXXX 2>/dev/null) # a store without a disk
clean() {
    for pid in $pids; do kill "$pid" 2>/dev/null; done
    wait 2>/dev/null
    rm -rf "$dir" ${memory:+"$memory"}
}
trap clean EXIT
trap 'exit 1' INT TERM

# A number of the last line that wsload wrote: at the top, or in one of its histograms.
num() {
    tail -n 1 "$dir/out" | sed -n "s/.*\"$1\":\([-0-9.]*\).*/\1/p"
}
lat() {
    tail -n 1 "$dir/out" | sed -n "s/.*\"lat\":{[^}]*\"$1\":\([-0-9.]*\).*/\1/p"
}
calc() {
    awk "BEGIN { printf \"$1\", $2 }" </dev/null
}
# row NAME OURS REFERENCE RATIO WANTED: the ratio is held against "<= N" or ">= N"; "-": only told.
row() {
    verdict=
    if [ "$5" != - ]; then
        verdict=ok
        awk "BEGIN { exit !($4 $5) }" </dev/null || { verdict=MISSED; failed=1; }
    fi
    printf '%-52s %12s %12s %8s %10s  %s\n' "$1" "$2" "$3" "$4" "$5" "$verdict"
}

start_ref() {
    "$bin/tests/bench/refgw" $((port + 1)) "$port" sqlite "$dir" 2>>"$dir/log" &
    server=$!
    pids="$pids $server"
    sleep 0.5
    at=$((port + 1)) path=/ hello= proto=
    message='{"conn":{conn},"type":"message","id":"m{seq}","text":"echo {seq}, I was told it comes on Tuesday"}'
}

# start_gateway NAME [DIR] [MORE]: with a new store NAME in DIR, and MORE sections in its conf
start_gateway() {
    cat >"$dir/tandem.conf" <<END
[tandem]
listen = 127.0.0.1:0
store = sqlite:${2:-$dir}/$1.db
control = $dir/control
plugin_dir = $bin/channels/.libs, $bin/plugins/.libs
log_level = warn
max_sessions = 20000
[channel web]
type = webchat
agent = bot
rate = 0
new_sessions = 0
[agent bot]
type = http
url = http://127.0.0.1:$port/
${3-}
END
    : >"$dir/ready"
    "$bin/tandemd" -c "$dir/tandem.conf" >>"$dir/ready" 2>>"$dir/log" &
    server=$!
    pids="$pids $server"
    i=0
    while ! grep -q ready "$dir/ready" && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
    at=$(sed -n 's/.*ready on .*:\([0-9]*\)$/\1/p' "$dir/ready")
    [ -n "$at" ] || { cat "$dir/ready" "$dir/log"; exit 2; }
    path=/chat/web proto=tandem.chat.v1
    hello='{"type":"hello"}=>"type":"welcome"'
    message='{"type":"message","id":"m{seq}","text":"echo {seq}, I was told it comes on Tuesday"}'
}

stop_server() {
    kill "$server"
    wait "$server" 2>/dev/null
}

# load OPTIONS..: messages to the server that was started last; a reply is known by its number.
load() {
    "$bin/tests/bench/wsload" -p "$at" -u "$path" ${proto:+-S "$proto"} ${hello:+-s "$hello"} \
        -m "$message" -e "echo {seq}," -d "$seconds" -w 2 -k "$server" -B "$dev" \
        --aux "$bot" -o "$dir/out" "$@" 2>>"$dir/log" || echo "    (some messages were lost: $*)"
}

"$bin/tests/bench/botd" "$port" 2>>"$dir/log" &
bot=$!
pids="$pids $bot"
sleep 0.3

probe() {
    "$bin/tests/bench/diskprobe" "$dir" 1000 "$seconds" 2>>"$dir/log" | cut -d ' ' -f 2
}
median() {
    sort -n | awk '{ v[NR] = $1 } END { printf "%.1f", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

# Both by turns, five times, so that what else the machine does meets them alike: the medians count.
chat() {
    for round in 1 2 3 4 5; do
        start_ref
        load -c 100
        num msgs_per_s >>"$dir/ref-rate"
        num server_us_per_msg >>"$dir/ref-cpu"
        load -c 1 -d 2
        lat p50_us >>"$dir/ref-p50"
        stop_server

        start_gateway "chat-$round"
        load -c 100
        num msgs_per_s >>"$dir/rate"
        num server_us_per_msg >>"$dir/cpu"
        shared=$(num flushes) messages=$(num msgs)
        load -c 1 -d 2
        lat p50_us >>"$dir/p50"
        flushes=$(num flushes) alone=$(num msgs)
        stop_server
    done
    row '100 connections, messages/s' "$(median <"$dir/rate")" "$(median <"$dir/ref-rate")" \
        "$(by_turns rate)" '>= 0.5'
    row '100 connections, CPU us a message' "$(median <"$dir/cpu")" "$(median <"$dir/ref-cpu")" \
        "$(by_turns cpu)" -
    row '100 connections, messages a flush' "$messages" "$shared" \
        "$(calc %.1f "$messages / ($shared + 0.001)")" '>= 8'
    row '1 connection, p50 us' "$(median <"$dir/p50")" "$(median <"$dir/ref-p50")" \
        "$(by_turns p50)" '<= 2'
    row '1 connection, flushes a message' "$flushes" "$alone" \
        "$(calc %.2f "$flushes / ($alone + 0.001)")" '<= 2.2'
}
by_turns() { # WHAT: the median of the ratios
    paste "$dir/$1" "$dir/ref-$1" | awk '{ print 100 * $1 / $2 }' | median | awk '{ printf "%.2f", $1 / 100 }'
}

# The crowd: what we add, without a disk; then with one, between two looks at the disk alone.
crowd() {
    if [ -n "$memory" ]; then
        start_gateway crowd "$memory"
        load -c "$crowd" -r 1000 --settle 3 --ctmo 120
        idle=$(num kb_per_conn) p99=$(lat p99_us)
        row "$crowd connections, KiB each while idle" "$idle" - "$idle" '<= 16'
        row "$crowd, 1000 messages/s, p99 us, store in memory" "$p99" - "$p99" '< 20000'
        stop_server
    fi
    for try in 1 2 3; do
        before=$(probe)
        start_gateway "crowd-$try"
        load -c "$crowd" -r 1000 --settle 3 --ctmo 120
        p99=$(lat p99_us) idle=$(num kb_per_conn)
        stop_server
        after=$(probe)
        disk=$(calc %d "(${before:-0} > ${after:-0} ? ${before:-0} : ${after:-0})")
        awk "BEGIN { exit !(${p99:-99999999} < 20000) }" </dev/null && break
    done
    [ -n "$memory" ] || row "$crowd connections, KiB each while idle" "$idle" - "$idle" '<= 16'
    if [ "$disk" -gt 20000 ] && [ "${p99%.*}" -ge 20000 ]; then
        row "$crowd, 1000 messages/s, p99 us (disk stalls)" "$p99" "$disk" \
            "$(calc %.2f "$p99 / $disk")" '<= 2'
    else
        row "$crowd, 1000 messages/s, p99 us (beside: disk alone)" "$p99" "$disk" "$p99" '< 20000'
    fi
}

cost() { # SESSIONS
    "$bin/tests/bench/bench_store" "sqlite:$dir/store-$1.db" "$1" 40000 2>>"$dir/log" |
        awk '$2 == 64 { print $3 }'
}
with() { # SESSIONS
    start_gateway "store-$1"
    load -c 100
    num server_us_per_msg
    stop_server
}
# What a message costs the gateway where few and where many sessions are kept. Told only: the store
# alone, 64 batches under way, each to any of them.
store() {
    few=$(cost 1000)
    many=$(cost "$sessions")
    row "store alone, batches/s, any of $sessions sessions" "$many" "$few" \
        "$(calc %.2f "${many:-0} / ${few:-1}")" -
    few=$(with 1000)
    many=$(with "$sessions")
    row "$sessions sessions kept, CPU us a message" "$many" "$few" \
        "$(calc %.2f "${many:-99} / ${few:-1}")" '<= 1.2'
}

# What `isolate = yes` adds to a message and its answer: with 100 connections, what each costs; with
# one, what it waits, beside what two processes alone cost here. Rounds take turns, so that what else
# the machine does meets them alike.
isolation() {
    start_gateway isolation "${memory:-$dir}" "[channel plain]
type = webchat
agent = near
rate = 0
[channel agent]
type = webchat
agent = apart
rate = 0
[channel channel]
type = webchat
agent = near
isolate = yes
rate = 0
[agent near]
type = echo
[agent apart]
type = echo
isolate = yes"
    for round in $(seq 15); do
        for path in /chat/plain /chat/agent /chat/channel; do
            load -c 100 -d 1 -w 0.2
            calc '%.2f\n' "1e6 / $(num msgs_per_s)" >>"$dir/${path##*/}-busy"
            load -c 1 -d 1 -w 0.2
            lat p50_us >>"$dir/${path##*/}-alone"
        done
        "$bin/tests/bench/twoproc" 512 200 1 >>"$dir/bare"
    done
    stop_server
    for kind in agent channel; do
        row "$kind isolated, 100 connections, us a message more" "$(median <"$dir/$kind-busy")" \
            "$(median <"$dir/plain-busy")" "$(more "$kind" busy)" '<= 15'
        row "$kind isolated, alone, p50 us more; bare processes" "$(more "$kind" alone)" \
            "$(median <"$dir/bare")" - -
    done
}
more() { # KIND busy|alone
    paste "$dir/plain-$2" "$dir/$1-$2" | awk '{ print $2 - $1 }' | median
}

# Giving out work: does an assignment cost more where more wait?
line() {
    lines=$("$bin/tests/bench/bench_line" 2>>"$dir/log")
    hundred=$(printf '%s\n' "$lines" | awk '$1 == 100 { print $2 }')
    thousand=$(printf '%s\n' "$lines" | awk '$1 == 1000 { print $2 }')
    row '200 humans, us an assignment, 1000 wait against 100' "$thousand" "$hundred" \
        "$(calc %.2f "$thousand / $hundred")" '<= 2'
}

# A report, beside reading the same rows and no more.
report() {
    # shellcheck disable=SC2046 # its words
    set -- $("$bin/tests/bench/bench_report" "sqlite:$dir/report.db" 10000 2>>"$dir/log")
    row "report of $1 sessions, ms; reading alone" "$4" "$3" "$5" '<= 10'
}

printf '%-52s %12s %12s %8s %10s\n' 'customer -> disk -> bot -> disk -> customer' gateway reference ratio wanted
for part in ${BENCH_PARTS:-chat crowd store isolation line report}; do
    "$part"
done
exit $failed
