#!/bin/sh
# kit.sh - tandemtest passes the plugins that are shipped, and finds what is wrong with the others.
LC_ALL=C
export LC_ALL
top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
top_builddir=${top_builddir:-$top_srcdir/build}
header=$top_srcdir/core/api/tandem/plugin.h
status=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT
cd "$top_builddir" || exit 1

fail() {
    echo "$*" >&2
    cat "$out" >&2
    status=1
}

# good FILE KEY=VALUE ..
good() {
    file=$1
    shift
    ./tandemtest plugin "$file" --header "$header" "$@" >"$out" 2>&1 || fail "$file is refused:"
    grep -Evq '^ok ' "$out" && fail "$file: not every rule is ok:"
}

# Some are refused before any of their code runs, the others do wrong when they are run.
dir_of() {
    for dir in tests/plugins/.libs tests/plugins/wrong/.libs; do
        [ -f "$dir/$1.so" ] && echo "$dir"
    done
}

# wrong NAME RULE SENTENCE: a line says FAIL RULE, the sentence, and where plugin.h says so.
wrong() {
    ./tandemtest plugin "$(dir_of "$1")/$1.so" --header "$header" >"$out" 2>&1
    [ $? -eq 1 ] || fail "$1 is not found to be wrong:"
    grep -Eq "^FAIL $2: .*$3.* \(plugin\.h:[0-9]+\)\$" "$out" || fail "$1: no '$2: $3':"
}

good channels/.libs/loopback.so start=hello
good channels/.libs/webchat.so
good channels/.libs/webhook.so url=http://127.0.0.1:9/out verify=none
good channels/.libs/sms_smpp.so host=127.0.0.1 port=9 system_id=acme password=secret source=12345
good channels/.libs/sms_http.so provider=twilio account=AC1 token=t source=12345 \
    public_url=https://gw.example/hooks/sms api_url=http://127.0.0.1:9
good plugins/.libs/agent_echo.so delay=1s
good plugins/.libs/agent_faq.so kb="$top_srcdir/conf/kb"
good plugins/.libs/agent_http.so url=http://127.0.0.1:9/agent
good plugins/.libs/desk_chatwoot.so url=http://127.0.0.1:9 account=1 inbox=1 token=t secret=s
good plugins/.libs/agent_openai.so url=http://127.0.0.1:9/v1 model=m kb="$top_srcdir/conf/kb"
good plugins/.libs/desk_web.so
good plugins/.libs/desk_webhook.so url=http://127.0.0.1:9/desk secret=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw

wrong nosymbol fit 'it lacks TD_PLUGIN_DEFINE'
wrong minor fit 'update tandemd, or build the plugin with this daemon'
wrong misnamed fit 'its file must be called other\.so'
wrong nosend fit 'lack send\(\), which plugin\.h requires'
wrong stride fit 'build it with TD_PLUGIN_DEFINE'
wrong unresolved fit 'cannot be loaded.*is the header included that defines it'
wrong twice once 'came twice for job [0-9]+: each send\(\) is answered exactly once'
wrong never once 'were never answered in an hour: answer each with sent\(\)'
grep -q '^FAIL two' "$out" && fail "who answers never is not one whom the other silences:"
wrong agent_late once 'after its cancel\(\): forget a job that is cancelled'
wrong afterclose close 'post\(\) was called after close\(\): join the threads in close\(\)'
wrong floods bound 'wait for accepted\(\) before you hand in more than 10000'
wrong blocks block 'send.* waited for [0-9]+ ms: use a timer'
wrong hangs block 'send\(\) did not return within 5 s'
wrong keeps borrow 'memory that was lent to an earlier call: copy what you need'
wrong leaks close 'left [0-9]+ threads running: stop and pthread_join\(\) them'
wrong opens close 'left [0-9]+ descriptors open: close\(\) them'
wrong foreign thread 'sent\(\) was called from a thread of the plugin'
wrong shares once 'which this instance was never given'
wrong desk_never once 'were never answered in an hour: answer each with offered\(\)'
wrong desk_again once 'offered\(\) came twice for job [0-9]+: each offer\(\) is answered'
wrong desk_mixed once 'sent\(\) came for job [0-9]+, which this instance was never given'
wrong desk_grabs desk 'after its release\(\): forget a handoff that is released'
wrong desk_nobody desk 'without a human: name who does it'
wrong nosize size 'struct td_sent came with size 0: set \.size'

# That it must not crash needs no rule.
./tandemtest plugin tests/plugins/wrong/.libs/crashes.so --header "$header" >"$out" 2>&1
grep -Eq '^FAIL crash: it crashed in send: .*AddressSanitizer$' "$out" || fail "no crash:"

# The line is the rule's own.
./tandemtest plugin tests/plugins/wrong/.libs/twice.so --header "$header" >"$out" 2>&1
line=$(sed -n 's/^FAIL once: .*(plugin\.h:\([0-9]*\))$/\1/p' "$out")
sed -n "${line:-0}p" "$header" 2>/dev/null | grep -q 'answered exactly once' ||
    fail "line '$line' of plugin.h is not the rule:"
exit $status
