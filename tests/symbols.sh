#!/bin/sh
# symbols.sh - a plugin exports td_plugin_0 and nothing else; the daemon exports nothing.
LC_ALL=C
cd "${top_builddir:-$(dirname "$0")/../build}" || exit 1
status=0

# Sanitizers and the linker bring symbols of their own.
exports() {
    nm -D --defined-only "$1" | awk '{ print $3 }' |
        grep -vE '^(__asan|__ubsan|__tsan|__sanitizer|__lsan|__odr_asan|_init$|_fini$|__bss_start$|_edata$|_end$)'
}

for file in channels/.libs/*.so plugins/.libs/*.so; do
    names=$(exports "$file" | tr '\n' ' ')
    [ "$names" = "td_plugin_0 " ] || {
        echo "$file exports: $names" >&2
        status=1
    }
done
names=$(nm -D --defined-only tandemd | awk '$2 ~ /[TDBR]/ { print $3 }' |
    grep -E '^(gate|engine|store|conf|loop|web|http|err|buf|mem|log|session|policy|loader)_')
[ -z "$names" ] || {
    echo "tandemd exports: $names" >&2
    status=1
}
exit $status
