#!/usr/bin/env bash
# The image of container/Containerfile, with the package of `make deb`: an unprivileged proxy before a small blog, configured by its
# environment. Checked from outside: answers, health, the audit log on standard output.
#
# Skips, loudly, where no container engine works; with PALISADE_REQUIRE_CONTAINER=1 that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=container/engine.sh
source container/engine.sh

compgen -G 'target/libapache2-mod-palisade_*.deb' >/dev/null || { echo "image-test: no package: run 'make deb' first" >&2; exit 1; }
if ! find_engine; then
  echo 'SKIPPED: image test — no working podman or docker' >&2
  printf '    %s\n' "${engine_troubles[@]}" >&2
  [ "${PALISADE_REQUIRE_CONTAINER:-}" != 1 ] || exit 1
  exit 0
fi
work=$(mktemp -d)
image=localhost/palisade-image:$$
containers=()
clean_up() {
  [ ${#containers[@]} -eq 0 ] || "$engine" rm -f "${containers[@]}" >/dev/null 2>&1 || true
  "$engine" rmi "$image" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

proxy=''
if command -v apt-config >/dev/null; then
  proxy=$(apt-config dump --no-empty Acquire | grep -E '::(Proxy|Check-Valid-Until|Check-Date)( |::)' | sed 's/$/\\n/' | tr -d '\n') || true
fi
timeout 1200 "$engine" build --build-arg PACKAGE=made --build-arg "BASE=$base_image" \
  --build-arg "APT_SOURCES=$(apt_sources | sed 's/$/\\n/' | tr -d '\n')" --build-arg "APT_PROXY=$proxy" \
  -f container/Containerfile -t "$image" . >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; exit 1; }

failed=0
check() { # WHAT EXPECTED FOUND
  if [ "$2" = "$3" ]; then echo "ok      $1"; else echo "FAILED  $1: expected $2, found ${3:-nothing}"; failed=1; fi
}

# What is behind answers in the same network namespace: httpd's own page on another port.
start() { # VARIABLE=VALUE…
  local variables=() variable
  for variable; do variables+=(-e "$variable"); done
  container=$("$engine" run -d -p 127.0.0.1::8080 "${variables[@]}" "$image")
  containers+=("$container")
  url=http://$("$engine" port "$container" 8080 | head -n 1)
  for _ in {1..50}; do curl -s -o /dev/null --max-time 2 "$url/healthz" && return; sleep 0.2; done
  "$engine" logs "$container" >&2
  return 1
}
status() { curl -s -o /dev/null -w '%{http_code}' --max-time 10 -A Mozilla -H 'Accept: */*' -H 'Host: blog.example' "$@" || true; }

# Nobody listens on the backend's port: what reaches it is answered 503, what is refused is not.
start SERVER_NAME=blog.example BACKEND=http://127.0.0.1:9 BLOCKING_PARANOIA=1 ANOMALY_INBOUND=5
check 'it is healthy' 204 "$(status "$url/healthz")"
check 'a request goes to the backend' 503 "$(status "$url/")"
check 'an attack is refused' 403 "$(status "$url/?q=../../etc/passwd")"
check 'spam is refused' 400 "$(status -H 'Content-Type: text/xml' -d '<methodCall><methodName>pingback.ping<methodName></methodCall>' "$url/xmlrpc.php")"
check 'nobody is root in there' www-data "$("$engine" exec "$container" id -un)"
logged=''
for _ in {1..50}; do
  "$engine" logs "$container" >"$work/out" 2>"$work/err"
  grep '^{"transaction"' "$work/out" | grep -q 200002 && logged=yes && break
  sleep 0.1
done
check 'the audit log is JSON on standard output' yes "$logged"
check "so are alerts" yes "$(grep -q "id .200002.\]" "$work/out" && echo yes)"

start BACKEND=http://127.0.0.1:9 MODSEC_RULE_ENGINE=DetectionOnly MODSEC_NOSUCH=1
check 'DetectionOnly refuses nothing' 503 "$(status "$url/?q=../../etc/passwd")"
said=$("$engine" logs "$container" 2>&1 | grep 'has no effect')
check 'a variable that is not known is told, and no other' 'palisade: MODSEC_NOSUCH is not known here and has no effect' "$said"

for wrong in PORT=x MODSEC_RULE_ENGINE=Maybe $'SERVER_NAME=a"\nb'; do
  "$engine" run --rm -e "$wrong" "$image" true >"$work/said" 2>&1 && said=started || said=refused
  check "it refuses ${wrong%%=*} that makes no sense" refused "$said"
done
[ "$failed" -eq 0 ]
