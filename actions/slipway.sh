#!/usr/bin/env bash
# Finds the slipway binary of the version beside this file, or with
# SLIPWAY_PROGRAM=ci the pipeline, and becomes it: a runner signals only the
# process that it started, so no shell may stay between.
#
#   tool cache → release asset, its checksum committed in checksums.txt → go build
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=$(<"$here/slipway.version")
case "$(uname -m)" in
  x86_64) arch=amd64 ;;
  aarch64 | arm64) arch=arm64 ;;
  *) arch=$(uname -m) ;;
esac
program=${SLIPWAY_PROGRAM:-slipway}
case "$program" in
  slipway) package=./actions ;;
  ci) package=./ci ;;
  *) echo "error: there is no program $program here" >&2; exit 2 ;;
esac
asset="$program-linux-$arch"
folder="${RUNNER_TOOL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}}/slipway/$version/$arch"
binary="$folder/$program"

# download puts the asset at $1. A file that is not what was released ends all.
download() {
  local sum
  sum=$(grep -E "^[0-9a-f]{64}  $asset\$" "$here/checksums.txt" 2>/dev/null | cut -d' ' -f1) || return 1
  curl --fail --silent --show-error --location --retry 3 --max-time 120 --output "$1" \
    "https://github.com/teei/slipway/releases/download/$version/$asset" || return 1
  if ! echo "$sum  $1" | sha256sum --check --status; then
    echo "error: $asset of $version is not the file that was released: its checksum differs" >&2
    echo "hint: do not use it; compare with the attestation of the release" >&2
    exit 3
  fi
}

build() {
  if ! command -v go >/dev/null; then
    echo "error: $program $version could not be downloaded, and there is no Go to build it" >&2
    echo "hint: let the runner reach github.com, or add actions/setup-go before this step" >&2
    exit 3
  fi
  echo "building $program $version" >&2
  (cd "$here/.." && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$1" "$package")
}

# A version under development is never cached here: its sources change.
if [ "$version" = dev ] || [ ! -x "$binary" ]; then
  mkdir -p "$folder"
  new=$(mktemp "$folder/.new-XXXXXX")
  trap 'rm -f "$new"' EXIT
  download "$new" || build "$new"
  chmod 755 "$new"
  mv "$new" "$binary"
  trap - EXIT
fi

# The root action names slipway.yaml itself; its folder is the root.
if [ -n "${INPUT_CONFIG:-}" ]; then
  INPUT_ROOT=$(dirname -- "$INPUT_CONFIG")
  export INPUT_ROOT
fi

exec "$binary" "$@"
