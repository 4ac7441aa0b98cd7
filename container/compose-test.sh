#!/usr/bin/env bash
# container/compose.yaml, brought up as it stands: squid in front, Palisade with the Core Rule Set, Redis beside, a blog behind. Where
# their images come from is the one difference: registries are not to be relied on in a test, so one image of Debian's own packages stands
# for squid, Redis and Python, and Palisade's is built from the package of `make deb`.
#
# Skips, loudly, where no container engine or no podman-compose works; with PALISADE_REQUIRE_CONTAINER=1 that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=container/engine.sh
source container/engine.sh

package >/dev/null
engine_or_skip 'compose test'
if [ "$engine" != podman ] || ! command -v podman-compose >/dev/null; then
  echo 'SKIPPED: compose test — podman-compose is missing (scripts/deps.sh compose)' >&2
  [ "${PALISADE_REQUIRE_CONTAINER:-}" != 1 ] || exit 1
  exit 0
fi
work=$(mktemp -d)
image=localhost/palisade-image:$$
others=localhost/palisade-others:$codename
files=(-p "palisade$$" -f "$work/container/compose.yaml")
clean_up() {
  podman-compose "${files[@]}" down -t 2 -v >/dev/null 2>&1 || true
  podman network rm "palisade$$_front" "palisade$$_back" >/dev/null 2>&1 || true
  podman volume rm "palisade$$_palisade" >/dev/null 2>&1 || true
  podman rmi "$image" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

build_image "$image" >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; exit 1; }
apt_settings "$work/others/apt"
cat >"$work/others/Containerfile" <<'OTHERS'
ARG BASE
FROM $BASE
COPY apt/ /etc/apt/
RUN if [ -s /etc/apt/sources.list.d/host.list ]; then rm -f /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; fi; \
    apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends squid redis-server python3 && \
    ln -s python3 /usr/bin/python
CMD ["squid", "-N", "-f", "/etc/squid/squid.conf"]
OTHERS
timeout 900 podman build --build-arg "BASE=$base_image" -f "$work/others/Containerfile" -t "$others" "$work/others" >"$work/build.log" 2>&1 ||
  { cat "$work/build.log" >&2; exit 1; }
# The file as it stands, but for the names of images.
mkdir "$work/container"
cp container/squid.conf container/blog.py "$work/container/"
sed -E "s#image: docker\.io/.*#image: $others#; s#build: \{.*#image: $image#" container/compose.yaml >"$work/container/compose.yaml"

# shellcheck source=container/checks.sh
source container/checks.sh
podman-compose "${files[@]}" up -d --no-build >"$work/up.log" 2>&1 || { cat "$work/up.log" >&2; exit 1; }
url=http://127.0.0.1:3128
# This machine reaches squid through the engine's bridge, and stands for another proxy there: it may name a client.
client=198.51.100.21
get() { curl -s --max-time 10 -A Mozilla -H 'Accept: */*' -H 'Host: blog.example' -H "X-Forwarded-For: $client" "$@" || true; }
status() { get -o /dev/null -w '%{http_code}' "$@"; }
for _ in {1..150}; do [ "$(status "$url/")" != 200 ] || break; sleep 0.2; done
logs() { podman logs "palisade$$_palisade_1" 2>&1 || podman logs "palisade$$-palisade-1" 2>&1; }
logged() { for _ in {1..50}; do logs | grep -q -e "$1" && { echo yes; return; }; sleep 0.1; done; echo no; }

ping_from() { # SOURCE
  printf '%s' "<?xml version=\"1.0\"?><methodCall><methodName>pingback.ping</methodName><params><param><value><string>$1</string></value></param>" \
    '<param><value><string>http://blog.example/post</string></value></param></params></methodCall>'
}
send() { status -H 'Content-Type: text/xml' -A "$1" -d "$2" "$url/xmlrpc.php"; }

check 'a page comes through squid' 200 "$(status "$url/")"
check 'an attack does not' 403 "$(status "$url/?q=../../etc/passwd")"
check 'a genuine ping reaches the blog' 200 "$(send 'WordPress/6.4; http://linker.example' "$(ping_from http://linker.example/about-it)")"
check 'spam does not' 400 "$(send PHP/5.2.10 '<methodCall><methodName>pingback.ping<methodName></methodCall>')"
check 'the log names the client' yes "$(logged '"remote_address":"198.51.100.21"')"
check 'and nobody else is the culprit' no "$(logs | grep -q '\[client 10\.' && echo yes || echo no)"
check 'what is counted lies in Redis' yes "$(podman exec "palisade$$_redis_1" redis-cli dbsize | grep -q -v '^0$' && echo yes)"
for _ in 1 2 3; do send PHP/5.2.10 '<methodCall><methodName>pingback.ping<methodName></methodCall>' >/dev/null; done
check 'a repeat offender is cut off' 403 "$(status "$url/")"
client=198.51.100.22
check 'and nobody else' 200 "$(status "$url/")"

if [ "$failed" -gt 0 ]; then
  cat "$work/up.log"; logs | tail -n 30; podman-compose "${files[@]}" logs squid 2>&1 | tail
fi
finish compose
