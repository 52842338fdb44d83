#!/usr/bin/env bash
# A virtual board for each device of ser2net's configuration, and ser2net before them. If one ends, so does the other.
set -euo pipefail

configuration=${CONFIGURATION:-/etc/gateway/ser2net.yaml}
trusted_key=${TRUSTED_KEY:-/etc/trusted-key/public.pem}
boards=${BOARDS:-/boards}

mapfile -t names < <(sed -n 's|.*serialdev,/dev/\([^,]*\),.*|\1|p' "$configuration")
arguments=()
for name in "${names[@]}"; do
  arguments+=(--board "$boards/$name" cortex-m4 "$trusted_key")
done
trap 'kill $(jobs -p) || true' EXIT
trap 'exit 143' TERM
# Boards end when their stdin does: this one has a writer as long as this script runs. A container that starts again finds
# what the last one left.
rm -f "$boards/stdin"
mkfifo "$boards/stdin"
exec 3<>"$boards/stdin"
python -m edge_deployer.virtual_board "${arguments[@]}" <"$boards/stdin" >"$boards/ready" 3<&- &
until [ "$(grep -c '^ready' "$boards/ready")" = "${#names[@]}" ]; do
  kill -0 $! || { cat "$boards/ready"; exit 1; }
  sleep 0.2
done
# ser2net opens a device by its own path only.
edits=()
for name in "${names[@]}"; do
  edits+=(-e "s|/dev/$name,|$(realpath "$boards/$name/line"),|")
done
sed "${edits[@]}" "$configuration" >"$boards/ser2net.yaml"
echo "boards are up: ${names[*]}"
ser2net -d -u -c "$boards/ser2net.yaml" 3<&- &
wait -n
