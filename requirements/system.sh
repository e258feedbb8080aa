#!/bin/sh
# Sees to the system packages that no pip can install: Python's venv module, and libEGL and libGL for drawing
# without a screen. Installs what is missing with apt-get as root or through passwordless sudo; otherwise
# prints the one line to type. Does nothing where nothing is missing.
#
#   sh requirements/system.sh PYTHON [PACKAGE ...]
#                       PYTHON: the interpreter that makes .venv; PACKAGE: what else is wanted, by Debian's names
set -eu
python=${1:-python3}
[ $# -eq 0 ] || shift
missing=""
for package in "$@"; do
    command -v "$package" >/dev/null 2>&1 || dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done

if ! command -v "$python" >/dev/null 2>&1; then
    missing="$missing python3 python3-venv"
elif ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    case $python in
        *python3.*) missing="$missing $(basename "$python")-venv" ;;
        *) missing="$missing python3-venv" ;;
    esac
fi

has_library() {
    # ldconfig is in /sbin, which an ordinary user's PATH leaves out.
    PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null | grep -q "$1"
}
if [ "$(uname -s)" = Linux ]; then # elsewhere OpenGL is part of the system
    has_library libEGL.so.1 || missing="$missing libegl1"
    has_library libGL.so.1 || missing="$missing libgl1"
fi

[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "missing:$missing (Debian's names); install what your system calls them, then run make again" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root="sudo"
else
    echo "system packages are missing; type this line, then run make again:" >&2
    echo "    sudo apt-get install -y$missing" >&2
    exit 1
fi
echo "installing the system packages$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086 # a list of words
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
