# shellcheck shell=bash
# shellcheck disable=SC2034  # what is set here is used by who sources it
# Sourced, from the project's top. Finds a container engine that really runs containers here, and the image they are based on.
#
#   find_engine     sets `engine` (podman or docker), `engine_description` and, where podman needs it,
#                   CONTAINERS_CONF; fails with the reasons in `engine_troubles`
#
# PALISADE_BASE_IMAGE names another base image.

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# The module is built on this machine and must find its C library in the container: Debian takes its own release,
# any other system the oldest that is supported.
debian_codename() (
  # shellcheck source=/dev/null
  . /etc/os-release
  if [ "$ID" = debian ] && [ -n "${VERSION_CODENAME:-}" ]; then echo "$VERSION_CODENAME"; else echo bookworm; fi
)
codename=$(debian_codename)
base_image=${PALISADE_BASE_IMAGE:-docker.io/library/debian:$codename-slim}

# This machine's apt sources of the base image's release, a line each; nothing on a machine that is no such Debian. Only
# plain http, which a minimal image can use: it has no certificates, and apt checks signatures anyway.
apt_sources() {
  command -v apt-get >/dev/null || return 0
  # shellcheck disable=SC2016  # apt's own variables
  apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages' 2>/dev/null |
    sort -u | sed -nE "s/^(deb http:[^ ]+ $codename(-updates|-security)? main) Debian\$/\\1/p"
}

# What a fresh Debian needs to reach the mirrors that this machine's apt uses: apt's sources and its way there.
apt_settings() { # DIRECTORY
  mkdir -p "$1/sources.list.d" "$1/apt.conf.d"
  apt_sources >"$1/sources.list.d/host.list"
  apt_way >"$1/apt.conf.d/90host"
}

apt_way() {
  command -v apt-config >/dev/null || return 0
  apt-config dump --no-empty Acquire | grep -E '::(Proxy|Check-Valid-Until|Check-Date)( |::)' || true
}

# The package that `make deb` made.
package() {
  local found
  found=$(find target -maxdepth 1 -name 'libapache2-mod-palisade_*.deb' | sort -V | tail -n 1)
  [ -n "$found" ] || { echo "${0##*/}: no package: run 'make deb' first" >&2; return 1; }
  echo "$found"
}

# Builds container/Containerfile with that package.
build_image() { # NAME
  timeout 1200 "$engine" build --build-arg PACKAGE=made --build-arg "RUST=$base_image" --build-arg "BASE=$base_image" \
    --build-arg "APT_SOURCES=$(apt_sources | sed 's/$/\\n/' | tr -d '\n')" \
    --build-arg "APT_PROXY=$(apt_way | sed 's/$/\\n/' | tr -d '\n')" -f container/Containerfile -t "$1" .
}

# Ends the script that asks, loudly, where no engine works: well, or badly where PALISADE_REQUIRE_CONTAINER=1 wants one.
engine_or_skip() { # WHAT
  find_engine && return
  echo "SKIPPED: $1 — no working podman or docker" >&2
  printf '    %s\n' "${engine_troubles[@]}" >&2
  [ "${PALISADE_REQUIRE_CONTAINER:-}" != 1 ] || exit 1
  exit 0
}

# Runs a script in a fresh Debian, where a directory is /test and container/inside.sh gives it `check` and a working apt.
in_fresh_debian() { # DIRECTORY SCRIPT
  apt_settings "$1/apt"
  cp container/inside.sh container/checks.sh "$1/"
  "$engine" run --rm -v "$1:/test" "$base_image" sh "/test/$2"
}

# Makes the base image out of Debian's packages, for machines that reach a Debian mirror and no image registry.
bootstrap_base_image() { # ENGINE
  local root mirror status=0
  if [ "$(id -u)" -ne 0 ] || ! command -v debootstrap >/dev/null; then
    echo 'no image registry is reached, and debootstrap, as root, is not to be had'
    return 1
  fi
  mirror=$(apt_sources | awk -v release="$codename" '$3 == release { print $2; exit }')
  root=$(mktemp -d)
  {
    debootstrap --variant=minbase "$codename" "$root" "${mirror:-http://deb.debian.org/debian}" &&
      tar -C "$root" -c . | "$1" import - "$base_image"
  } || status=$?
  rm -rf --one-file-system "$root"
  return "$status"
}

base_image_for() { # ENGINE
  "$1" image inspect "$base_image" || timeout 300 "$1" pull "$base_image" || bootstrap_base_image "$1"
}

# Runs one engine's step and keeps the last line of what it said, should it fail.
try_engine() { # WHAT COMMAND…
  local what=$1 said
  shift
  said=$("$@" 2>&1 </dev/null) || {
    engine_troubles+=("$what: $(grep . <<<"$said" | tail -n 1)")
    return 1
  }
}

runs_containers() { # DESCRIPTION ENGINE
  engine_description=$1
  try_engine "$1, running a container" timeout 60 "$2" run --rm "$base_image" true
}

find_engine() {
  engine_troubles=()
  if ! command -v podman >/dev/null; then
    engine_troubles+=('podman: not installed')
  elif try_engine "podman, base image" base_image_for podman; then
    engine=podman
    runs_containers 'podman' podman && return
    export CONTAINERS_CONF=$PWD/container/containers.conf
    runs_containers 'podman with runc and limits of its own' podman && return
    unset CONTAINERS_CONF
  fi
  if ! command -v docker >/dev/null; then
    engine_troubles+=('docker: not installed')
  elif try_engine 'docker' timeout 20 docker info && try_engine 'docker, base image' base_image_for docker; then
    engine=docker
    runs_containers 'docker' docker && return
  fi
  engine='' engine_description=''
  return 1
}
