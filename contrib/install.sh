# install.sh - read by contrib/quickstart and contrib/check: install_packages PART ..
# Installs what contrib/packages lists in these parts and is not there yet.

packages_of() { # PART
    sed 's/#.*//' contrib/packages | awk -v part="$1" '
        /:$/ { on = $1 == part ":"; next }
        on && NF { print $1 }'
}

# Installed, or a program of that name is there from elsewhere (node and npm often are).
is_there() { # PACKAGE
    dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed' && return
    command -v "$(echo "$1" | sed 's/^nodejs$/node/')" >/dev/null
}

install_packages() {
    missing=
    for part in "$@"; do
        for package in $(packages_of "$part"); do
            is_there "$package" || missing="$missing $package"
        done
    done
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "apt-get is not there: install by hand what corresponds to:$missing" >&2
        return 1
    fi
    sudo=
    if [ "$(id -u)" -ne 0 ]; then
        sudo=sudo
        command -v sudo >/dev/null || {
            echo "these packages are missing; run as root: apt-get install$missing" >&2
            return 1
        }
    fi
    echo "installing:$missing"
    # shellcheck disable=SC2086 # words are wanted
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q update >/dev/null &&
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends \
            $missing </dev/null >/dev/null
}
