#!/bin/sh
# layers.sh - fails when a room includes what is not below it: a room, then whom it may include.
cd "${top_srcdir:-.}" || exit 1
status=0
while read -r room below; do
    found=$(find "$room" -name '*.[ch]' -exec grep -HnE '^ *# *include *("|<(core|base|io|config|store|files|plug|engine|measure|gate|daemon|ctl)/)' {} + |
        grep -vE "\"(config|($below)/[^/\"]+)\.h\"") &&
        { printf '%s includes what is not below it:\n%s\n' "$room" "$found"; status=1; }
done <<END
core/api -
core/base base
core/io base|io
core/config base|config
core/store base|store
core/files base|files
core/plug base|plug
core/ipc base|io|plug|ipc
core/engine base|engine
core/measure base|engine|measure
core/gate base|io|config|store|files|plug|engine|measure|gate
core/daemon base|io|config|store|files|plug|ipc|engine|measure|gate|daemon
core/ctl base|config|engine|daemon|ctl|channels/shared
core/kit base|config|plug|kit
channels channels|channels/shared|plugins/shared
plugins plugins|plugins/shared
END
exit $status
