#!/usr/bin/env bash
# Builds an image of Debian's httpd with the module that `make build` left, runs it, and checks from outside what a blog
# under attack would see: the answers, and the audit log's idea of who asked.
#
# Skips, loudly, where no container engine works; with PALISADE_REQUIRE_CONTAINER=1 that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=container/engine.sh
source container/engine.sh

work=$(mktemp -d)
image=localhost/palisade-test:$$
container=''

clean_up() {
  [ -z "$container" ] || "$engine" rm -f "$container" >/dev/null 2>&1 || true
  [ -z "${engine:-}" ] || "$engine" rmi "$image" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

engine_or_skip 'container test'
echo "container: $engine_description, $base_image"

# The build context: what `make install` installs, the site, and what this machine's apt needs to reach its mirrors.
context=$work/context
mkdir -p "$context"
cp container/test.Containerfile container/site.conf container/*.html container/xmlrpc.cgi "$context/"
DESTDIR=$context/root LIBEXECDIR=/usr/lib/apache2/modules scripts/install.sh
apt_settings "$context/apt"

build() { timeout 900 "$engine" build --build-arg "BASE=$base_image" "$@" -f "$context/test.Containerfile" "$context"; }

# The first stage keeps a name, so that the next run need not install httpd again.
{ build --target httpd -t "localhost/palisade-httpd:$codename" && build -t "$image"; } >"$work/build.log" 2>&1 || {
  cat "$work/build.log" >&2
  echo 'container: FAILED: the image could not be built' >&2
  exit 1
}

# The engine picks a free port; a container that has ended already has none.
container=$("$engine" run -d -p 127.0.0.1::8080 "$image")
published=$("$engine" port "$container" 8080 2>/dev/null | head -n 1) || true
url=http://$published

up=''
for _ in {1..50}; do
  [ -n "$published" ] || break
  curl -s -o /dev/null --max-time 2 "$url/" && up=yes && break
  sleep 0.2
done
[ -n "$up" ] || {
  "$engine" logs "$container" >&2
  echo "container: FAILED: nothing answers in the container${published:+ at $url}" >&2
  exit 1
}

# shellcheck source=container/checks.sh
source container/checks.sh

# Sends a request as the reverse proxy would, in the name of the client 198.51.100.LAST, and prints the status.
# A client can put what it likes in front of the address that the proxy adds.
request() { # LAST PATH CURL-OPTION…
  local last=$1 path=$2
  shift 2
  curl -s -o "$work/answer" -w '%{http_code}' --max-time 10 -H 'Host: blog.example' \
    -H "X-Forwarded-For: 192.0.2.66, 198.51.100.$last" "$@" "$url$path" || true
}

ping_call() { # SOURCE [XML-DECLARATION]
  printf '%s\n' "${2:-<?xml version=\"1.0\"?>}" '<methodCall>' '<methodName>pingback.ping</methodName>' '<params>' \
    "<param><value><string>$1</string></value></param>" \
    '<param><value><string>http://blog.example/a-post/</string></value></param>' '</params></methodCall>'
}

# The spammers' tool sends its calls in chunks, under this name.
spam() { request "$1" /xmlrpc.php -H 'Content-Type: text/xml' -H 'Transfer-Encoding: chunked' -A 'PHP/5.2.10' --data-binary @-; }
wordpress() { request "$1" /xmlrpc.php -H 'Content-Type: text/xml' -A 'The Incutio XML-RPC PHP Library -- WordPress/6.1.9' --data-binary @-; }

answered() { if grep -q 'Pingback registered' "$work/answer"; then echo yes; else echo no; fi; }

check 'a page' 200 "$(request 10 /)"
check 'a genuine WordPress ping' 200 "$(ping_call http://linker.example/about-it/ | wordpress 11)"
check 'a genuine WordPress ping reaches the blog' yes "$(answered)"
check 'a malformed call' 400 "$(ping_call http://spam.example/ | sed 's|</methodName>|<methodName>|' | spam 21)"
check 'a malformed call stays outside' no "$(answered)"
check 'a call labelled UTF-16 that is not' 400 \
  "$(ping_call http://spam.example/ '<?xml version="1.0" encoding="utf-16" standalone="yes"?>' | sed 's/$/\r/' | spam 22)"
check 'a call labelled UTF-16 stays outside' no "$(answered)"
check 'a source inside the network' 403 "$(ping_call http://192.168.1.1/admin | wordpress 31)"
check 'a source inside the network stays outside' no "$(answered)"

"$engine" exec "$container" cat /var/log/apache2/modsec_audit.log >"$work/audit.log" || true

# Prints the audit record whose part A names the client 198.51.100.LAST.
record() { # LAST
  awk -v client="198.51.100.$1" '
    /^--[0-9a-zA-Z]+-A--$/ { getline head; split(head, part, " "); mine = part[4] == client }
    mine { print }' "$work/audit.log"
}

attributed() { # LAST
  local address="198.51.100.$1"
  if record "$1" | grep "^Client-Address: ${address//./\\.};" >/dev/null; then echo yes; else echo no; fi
}

for refused in 21:400 22:400 31:403; do
  last=${refused%:*}
  check "records in the audit log that name 198.51.100.$last" 1 "$(record "$last" | grep -c -e '-A--$')"
  check "its status" "${refused#*:}" "$(record "$last" | awk '$1 ~ /^HTTP\// { status = $2 } END { print status }')"
  check "its Client-Address" yes "$(attributed "$last")"
done

if [ "$failed" -gt 0 ]; then
  printf '\n--- audit log ---\n'; cat "$work/audit.log"
  printf '\n--- error log ---\n'; "$engine" exec "$container" cat /var/log/apache2/error.log || true
fi
finish container
