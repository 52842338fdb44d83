#!/usr/bin/env bash
# `make verify-tfx-1.21`: everything that must pass before a change lands, on TFX 1.21, and the default project, from data
# to production boards, in memory and with processes.
#
#   tests/tfx_1_21/verify.sh [FOLDER]
#
# TFX 1.21 needs glibc 2.39, so this makes a Debian with glibc 2.41 and Python 3.13 in the folder (default: build/tfx-1.21;
# 10 GB, kept for the next time) and works there, changed root. It needs root, debootstrap and an index of packages. Of this
# machine's files the sources, the models beside them (shared/) and the certificate authorities are copied in; nothing is
# mounted.
set -euo pipefail

SUITE=trixie
# What a newcomer to Debian 13 installs; .ci/run brings the rest.
PACKAGES=ca-certificates,g++,git,make,procps,python3-dev,python3-venv
AUTHORITIES=/etc/ssl/certs/ca-certificates.crt
FREE_GB=12
SHOWN='tfx|tensorflow|tensorflow-model-analysis|apache-beam|keras|numpy|protobuf'
# Made there, and of no use to anybody else; or made here, and of no use there.
MADE=(.git .venv .tinyops .containers build '.*_cache' .hypothesis)

source=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:-$source/build/tfx-1.21}
root=$folder/$SUITE
checkout=/srv/tinyops

fail() { echo "error: $1" >&2; exit 1; }

step() { printf '%-16s %5d s  %s\n' "$1" "$SECONDS" "$2"; }

# In the tree's checkout, with a /proc, terminals and shared memory of its own that go with the command, and a name that
# the tree's /etc/hosts knows (Beam's servers ask for it). Settings of proxies and indexes come through the environment.
inside() {
  env -u PYTHON -u PYTHONPATH -u PYTHONHOME -u PYTHONDONTWRITEBYTECODE -u VIRTUAL_ENV -u TMPDIR -u MAKEFLAGS -u MAKELEVEL \
    HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    SSL_CERT_FILE=$AUTHORITIES PIP_CERT=$AUTHORITIES REQUESTS_CA_BUNDLE=$AUTHORITIES \
    unshare --mount --uts --pid --fork --kill-child sh -euc '
      echo localhost >/proc/sys/kernel/hostname
      mount -t proc proc "$1/proc"
      mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts"
      mount -t tmpfs tmpfs "$1/dev/shm"
      exec chroot "$1" sh -euc "cd $2; $3"' - "$root" "$checkout" "$1"
}

require() {
  [ "$(id -u)" = 0 ] || fail "this makes a Debian system and changes into it: run it as root"
  command -v debootstrap >/dev/null || fail "debootstrap is missing: apt-get install debootstrap"
  mkdir -p "$folder"
  [ -e "$root" ] || [ "$(df --output=avail -BG "$folder" | tail -1 | tr -dc 0-9)" -ge $FREE_GB ] ||
    fail "$folder has less than $FREE_GB GB left: give another folder"
}

# The mirror that this machine's apt takes Debian from; debootstrap has a default where it takes none.
mirror() {
  command -v apt-get >/dev/null || return 0
  apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' 'Created-By: Packages' | sed -n 1p
}

make_tree() {
  [ ! -e "$root" ] || return 0
  rm -rf --one-file-system "$root.part"
  # shellcheck disable=SC2046  # no word where there is no mirror
  debootstrap --variant=minbase --include=$PACKAGES $SUITE "$root.part" $(mirror) >"$folder/debootstrap.log" 2>&1 ||
    fail "debootstrap did not succeed: see $folder/debootstrap.log"
  cp -L "${SSL_CERT_FILE:-$AUTHORITIES}" "$root.part$AUTHORITIES"
  mkdir "$root.part$checkout"
  mv "$root.part" "$root"
}

# This checkout's files, beside the environments that were made there the last time.
copy_checkout() {
  find "$root$checkout" -mindepth 1 -maxdepth 1 ! -name .venv ! -name build -exec rm -rf --one-file-system {} +
  tar -C "$source" "${MADE[@]/#/--exclude=./}" --exclude=__pycache__ --exclude='*.egg-info' -c . | tar -C "$root$checkout" -x
  [ ! -e "$source/../shared" ] || cp -r "$source/../shared" "$root$checkout/.."
}

# The default project on a Beam runner.
run() {
  rm -rf --one-file-system "$root/tmp/$1"
  cp -r "$source/pipeline/templates/digits" "$root/tmp/$1"
  printf '\nbeam: {runner: %s}\n' "$1" >>"$root/tmp/$1/tinyops.yaml"
  # A refused model ends with a status of its own.
  inside ".venv/bin/tinyops run /tmp/$1/tinyops.yaml --workspace /tmp/$1/workspace --json" >"$folder/$1.json" ||
    fail "$1 did not promote the model: $(cat "$folder/$1.json") logs are in $root/tmp/$1/workspace/logs"
}

require
make_tree
copy_checkout
step tree "Debian $(cat "$root/etc/debian_version"), $(inside 'ldd --version' | sed -n '1s/.* /glibc /p')"
inside 'make setup' || fail "no environment was made"
step set-up "$(inside '.venv/bin/python --version'), $(grep -oE "^($SHOWN)==[0-9.]+" "$source/requirements/python3.13/dev.txt" | paste -sd ' ')"
inside .ci/run || fail "a check or a test did not pass"
step .ci/run "all passed"
for runner in in_memory multi_processing; do
  run $runner
  step $runner "$(sed -n 's/.*"reason": "\([^:]*\).*/\1/p' "$folder/$runner.json")"
done
