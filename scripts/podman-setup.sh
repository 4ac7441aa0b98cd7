#!/usr/bin/env bash
# Sees to it that the container test can run: a container engine that really runs containers, and a base image.
# Installs podman and what it needs only if neither podman nor docker works as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=container/engine.sh
source container/engine.sh

find_engine || { scripts/deps.sh container && find_engine; } || {
  echo "podman-setup: no working container engine:" >&2
  printf '    %s\n' "${engine_troubles[@]}" >&2
  exit 1
}
echo "podman-setup: ready: $engine_description, $base_image"
