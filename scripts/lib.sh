# What scripts share; to be sourced.

# Says that a step is left out; in CI that is a failure.
skip() {
    echo "SKIPPED: $1: $2"
    if [ "${CI:-false}" = true ]; then
        echo "error: in CI no step may be left out"
        exit 1
    fi
}

# Installs what a step needs, where this user may: apt_get PACKAGE
apt_get() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    apt-get install -y --no-install-recommends "$1" >/dev/null 2>&1 && return
    apt-get update >/dev/null 2>&1 && apt-get install -y --no-install-recommends "$1" >/dev/null 2>&1
}
