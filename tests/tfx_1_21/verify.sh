#!/usr/bin/env bash
# `make verify-tfx-1.21`: the default project, from data to production boards, on TFX 1.21, in memory and with processes.
#
#   tests/tfx_1_21/verify.sh [FOLDER]
#
# TFX 1.21 needs glibc 2.39, so this makes a Debian with glibc 2.41 and Python 3.13 in the folder (default: build/tfx-1.21;
# 5 GB, kept for the next time) and works there, changed root. It needs root, debootstrap and an index of packages; of this
# machine's files the sources and the certificate authorities are copied in, nothing is mounted.
set -euo pipefail

SUITE=trixie
PACKAGES=ca-certificates,g++,python3-dev,python3-venv
AUTHORITIES=/etc/ssl/certs/ca-certificates.crt
FREE_GB=6
SHOWN='tfx|tensorflow|tensorflow-model-analysis|apache-beam|keras|numpy|protobuf'

source=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:-$source/build/tfx-1.21}
root=$folder/$SUITE

fail() { echo "error: $1" >&2; exit 1; }

step() { printf '%-14s %5d s  %s\n' "$1" "$SECONDS" "$2"; }

# In the tree, with a /proc, terminals and shared memory of its own that go with the command. Settings of proxies and
# indexes come through the environment.
inside() {
  env -u PYTHONPATH -u PYTHONHOME -u PYTHONDONTWRITEBYTECODE -u VIRTUAL_ENV -u TMPDIR \
    HOME=/root PATH=/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    SSL_CERT_FILE=$AUTHORITIES PIP_CERT=$AUTHORITIES REQUESTS_CA_BUNDLE=$AUTHORITIES \
    unshare --mount --pid --fork --kill-child sh -euc '
      mount -t proc proc "$1/proc"
      mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts"
      mount -t tmpfs tmpfs "$1/dev/shm"
      exec chroot "$1" sh -euc "cd /tmp; $2"' - "$root" "$1"
}

require() {
  [ "$(id -u)" = 0 ] || fail "this makes a Debian system and changes into it: run it as root"
  command -v debootstrap >/dev/null || fail "debootstrap is missing: apt-get install debootstrap"
  mkdir -p "$folder"
  [ -e "$root" ] || [ "$(df --output=avail -BG "$folder" | tail -1 | tr -dc 0-9)" -ge $FREE_GB ] ||
    fail "$folder has less than $FREE_GB GB left: give another folder"
}

make_tree() {
  [ ! -e "$root" ] || return 0
  rm -rf --one-file-system "$root.part"
  debootstrap --variant=minbase --include=$PACKAGES $SUITE "$root.part" >"$folder/debootstrap.log" 2>&1 ||
    fail "debootstrap did not succeed: see $folder/debootstrap.log"
  cp -L "${SSL_CERT_FILE:-$AUTHORITIES}" "$root.part$AUTHORITIES"
  mv "$root.part" "$root"
}

install_packages() {
  cmp -s "$source/requirements/tfx-1.21.txt" "$root/venv/installed.txt" && return
  cp "$source"/requirements/{bootstrap,tfx-1.21}.txt "$root/tmp"
  inside "python3 -m venv --clear /venv
    python -m pip install --quiet --disable-pip-version-check --require-hashes -r bootstrap.txt
    uv pip install --quiet --python /venv/bin/python --require-hashes -r tfx-1.21.txt
    python -W ignore -m compileall -q -j 0 /venv/lib >/dev/null || true
    mv tfx-1.21.txt /venv/installed.txt"
}

install_tinyops() {
  rm -rf --one-file-system "$root/tmp/tinyops"
  mkdir "$root/tmp/tinyops"
  tar -C "$source" --exclude=__pycache__ -c pyproject.toml README.md LICENSE components edge_deployer pipeline |
    tar -C "$root/tmp/tinyops" -x
  inside "uv pip install --quiet --python /venv/bin/python --no-deps --no-build-isolation --reinstall ./tinyops"
}

# The default project on a Beam runner.
run() {
  rm -rf --one-file-system "$root/tmp/$1"
  cp -r "$source/pipeline/projects/digits" "$root/tmp/$1"
  printf '\nbeam: {runner: %s}\n' "$1" >>"$root/tmp/$1/tinyops.yaml"
  # A refused model ends with a status of its own.
  inside "tinyops run $1/tinyops.yaml --workspace $1/workspace --json" >"$folder/$1.json" ||
    fail "$1 did not promote the model: $(cat "$folder/$1.json") logs are in $root/tmp/$1/workspace/logs"
}

require
make_tree
step tree "Debian $(cat "$root/etc/debian_version"), $(inside 'ldd --version' | sed -n '1s/.* /glibc /p')"
install_packages
step packages "$(grep -oE "^($SHOWN)==[0-9.]+" "$root/venv/installed.txt" | paste -sd ' ')"
install_tinyops
step tinyops "$(inside 'python --version'), this checkout"
for runner in in_memory multi_processing; do
  run $runner
  step $runner "$(sed -n 's/.*"reason": "\([^:]*\).*/\1/p' "$folder/$runner.json")"
done
