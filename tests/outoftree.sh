#!/bin/bash
# outoftree.sh - a stranger's path: from what is installed and the tutorial alone, a channel works
# in a running gateway; and so do the examples.
set -euo pipefail
export LC_ALL=C
top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
top_builddir=${top_builddir:-$top_srcdir/build}
work=$(mktemp -d)
daemon=
trap '[ -z "$daemon" ] || kill $daemon 2>/dev/null || :; rm -rf "$work"' EXIT

# The make above us has flags and jobs of its own.
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$top_builddir" install DESTDIR="$work/stage" \
    >"$work/install.log" 2>&1 || { cat "$work/install.log"; exit 1; }
for file in chat/index.html chat.json tandemd.8 tandem.conf.5 tandemctl.1 tandemtest.1 \
    tandem.service write-a-channel.md; do
    find "$work/stage" -path "*/$file" | grep -q . || { echo "$file is not installed" >&2; exit 1; }
done

# A stage stands for the root: what pkg-config, PATH and tandemtest say would be there is here.
pc=$(find "$work/stage" -name tandem-plugin.pc)
prefix=$(sed -n 's/^prefix=//p' "$pc")
mkdir "$work/mine" "$work/bin"
cat >"$work/bin/pkg-config" <<SH
#!/bin/sh
PKG_CONFIG_PATH=$(dirname "$pc") exec $(command -v pkg-config) \
    --define-variable=prefix='$work/stage$prefix' "\$@"
SH
cat >"$work/bin/tandemtest" <<SH
#!/bin/sh
command=\$1 file=\$2
shift 2
exec '$(find "$work/stage" -name tandemtest -type f -perm -1)' "\$command" "\$file" \
    --header '$(find "$work/stage" -path '*/tandem/plugin.h')' "\$@"
SH
read -r -a cc <<<"${CC:-cc}"
printf '#!/bin/sh\nexec %s %s "$@"\n' "$(command -v "${cc[0]}")" "${cc[*]:1}" >"$work/bin/cc"
chmod +x "$work"/bin/*
PATH=$work/bin:$(dirname "$(find "$work/stage" -name tandemd -type f)"):$PATH
export PATH

# Every command of the tutorial, as it stands there.
cd "$work/mine"
doc=$(dirname "$(find "$work/stage" -name write-a-channel.md)")
sed -n '/^```sh$/,/^```$/{/^```/!p}' "$doc/write-a-channel.md" >"$work/page.sh"
code=$(sed -n '/^cat >toy[.]c <</,/^END$/p' "$work/page.sh" | sed '1d;$d' | grep -vc '^$\|^#include')
[ "$code" -lt 60 ] || { echo "the tutorial's channel has $code lines, 60 were promised" >&2; exit 1; }
timeout 60 bash -e "$work/page.sh" >"$work/page.log" 2>&1 ||
    { cat "$work/page.log" toy.log; echo "the tutorial does not work" >&2; exit 1; }

# The examples: one compiler line each, judged, and in one gateway: a line in, the answer out.
cp "$doc"/example-*/*.c .
for name in lines agent_shout desk_wall; do
    # shellcheck disable=SC2046 # words are wanted
    cc -shared -fPIC -Wall -Wextra -Werror $(pkg-config --cflags tandem-plugin) $name.c -o $name.so
done
tandemtest plugin ./lines.so port=7394 -- port=7395
tandemtest plugin ./agent_shout.so
tandemtest plugin ./desk_wall.so port=7394 -- port=7395
cat >tandem.conf <<CONF
[tandem]
listen = 127.0.0.1:0
store = sqlite:$work/tandem.db
control = $work/control
plugin_dir = $work/mine
[channel provider]
type = lines
port = 7396
agent = shout
disclose_ai = no
[agent shout]
type = shout
[desk team]
type = wall
port = 7397
[queue team]
desk = team
[rule second]
code = customer_request
when = messages == 2
CONF
tandemd -t -c tandem.conf
tandemd -c tandem.conf >tandem.log 2>&1 &
daemon=$!
until grep -q 'ready on' tandem.log; do
    sleep 0.1
    kill -0 $daemon || { cat tandem.log; exit 1; }
done
exec 4<>/dev/tcp/127.0.0.1/7396
echo 'ada 17 how are you' >&4
read -t 10 -r accepted <&4
read -t 10 -r said <&4

# The second message leads to the team, one of whom answers.
exec 5<>/dev/tcp/127.0.0.1/7397
echo 'ada 18 anybody there' >&4
read -t 10 -r _ handoff why <&5
echo "accept $handoff Nora" >&5
echo "say $handoff Nora Good morning" >&5
until [ "${human-}" = 'ada Good morning' ]; do
    read -t 10 -r human <&4 || break
done
kill $daemon
wait $daemon || { cat tandem.log; exit 1; }
daemon=
[ "$accepted" = 'ok 17' ] && [ "$said" = 'ada HOW ARE YOU' ] ||
    { echo "the provider was told '$accepted', '$said'" >&2; exit 1; }
[ "$why" = customer_request ] && [ "$human" = 'ada Good morning' ] ||
    { echo "the team was offered '$handoff', '$why'; the customer heard '$human' last" >&2; exit 1; }
