#!/usr/bin/env bash
# Shows Palisade at work: starts an httpd of its own on loopback with a small blog behind it, sends the blog what blogs
# are sent, and proves for each request what became of it: the answer, the rule, the client in both logs, and whether the
# blog saw it. Then it stays up until Ctrl-C.
#
#   scripts/demo.sh            stays up
#   scripts/demo.sh --once     ends by itself; exit 0 only if everything went as told
#
# PALISADE_DEMO_PORT: another port than 8080. PALISADE_MODULE: another module than the one that `make build` left.
# Needs no root, and changes nothing outside of its temporary folder.
set -euo pipefail
umask 022
cd "$(dirname "$0")/.."

once=''
case "$*" in
  '') ;;
  --once) once=yes ;;
  *) echo 'Usage: scripts/demo.sh [--once]' >&2; exit 2 ;;
esac
port=${PALISADE_DEMO_PORT:-8080}
module=${PALISADE_MODULE:-$PWD/target/release/mod_palisade.so}
host=blog.example
url=http://127.0.0.1:$port

give_up() { # SENTENCE…
  printf 'demo: %s\n' "$@" >&2
  exit 1
}

bold='' dim='' red='' green='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
  bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
fi

# -- httpd -------------------------------------------------------------------------------------------------------------

PATH=$PATH:/usr/sbin:/sbin:/usr/local/apache2/bin
apxs=${APXS:-apxs}
command -v "$apxs" >/dev/null || give_up 'apxs, which tells where httpd is, was not found: scripts/deps.sh build run'
modules=$("$apxs" -q LIBEXECDIR)
httpd=$("$apxs" -q SBINDIR)/$("$apxs" -q PROGNAME)
[ -x "$httpd" ] || give_up "httpd is not where apxs says ($httpd): scripts/deps.sh build run"
command -v curl >/dev/null || give_up 'curl was not found: scripts/deps.sh run'
[ -e "$module" ] || give_up "there is no $module: make build"
[[ $port =~ ^[1-9][0-9]{0,4}$ && $port -lt 65536 ]] || give_up "PALISADE_DEMO_PORT=$port is no port"

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
! listening || give_up "port $port of 127.0.0.1 is taken. Choose another one: PALISADE_DEMO_PORT=$((port % 65535 + 1)) make run"

root=$(mktemp -d -t palisade-demo.XXXXXX)
server=''
clean_up() {
  trap - EXIT
  trap '' INT TERM HUP
  if [ -n "$server" ]; then
    kill -TERM "$server" 2>/dev/null || true
    for _ in {1..150}; do
      kill -0 "$server" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$root"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mkdir "$root/logs" "$root/run" "$root/site" "$root/sent"
cp examples/demo-site/blog.cgi "$root/site/"
: >"$root/site/notes"
"$root/site/blog.cgi" </dev/null >/dev/null 2>&1 || [ $? -ne 126 ] ||
  give_up "no program may run in $root: name another folder in TMPDIR"

# Started by root, httpd serves as somebody else, who must reach the blog and write its notes.
user='' user_lines=''
if [ "$(id -u)" -eq 0 ]; then
  for candidate in www-data apache http daemon nobody; do
    id "$candidate" >/dev/null 2>&1 && user=$candidate && break
  done
  [ -n "$user" ] || give_up 'found no user that httpd could serve as'
  user_lines=$(printf 'User %s\nGroup %s' "$user" "$(id -gn "$user")")
  chmod 755 "$root"
  chown "$user" "$root/site/notes"
fi

# A module without a file is built into this httpd.
load() { # NAME…
  local name
  for name; do
    [ ! -e "$modules/mod_$name.so" ] || echo "LoadModule ${name}_module \"$modules/mod_$name.so\""
  done
}

# What httpd runs programs with: the second one where it was built without threads.
cgi=cgid
[ -e "$modules/mod_cgid.so" ] || cgi=cgi

cat >"$root/httpd.conf" <<CONF
ServerRoot "$root"
ServerName $host
Listen 127.0.0.1:$port
PidFile run/httpd.pid
DefaultRuntimeDir run
ErrorLog logs/error.log
$(load mpm_event unixd authz_core alias env unique_id "$cgi")
$user_lines
<IfModule cgid_module>
    ScriptSock "$root/run/cgid.sock"
</IfModule>
LoadModule security2_module "$module"
Define PALISADE_CONF "$PWD/apache-conf"
Define DEMO_PORT $port
Define DEMO_SITE "$root/site"
Include "$PWD/examples/demo-site/site.conf"
CONF

show_log() {
  sed 's/^/    /' "$root/start.log" "$root/logs/error.log" >&2 2>/dev/null || true
}

"$httpd" -d "$root" -f "$root/httpd.conf" -DFOREGROUND </dev/null >"$root/start.log" 2>&1 &
server=$!
for _ in {1..100}; do
  kill -0 "$server" 2>/dev/null || break
  listening && break
  sleep 0.1
done
if ! kill -0 "$server" 2>/dev/null || ! listening; then
  show_log
  give_up "httpd did not start (see above): $httpd"
fi

# -- What blogs are sent -----------------------------------------------------------------------------------------------

# Sends a request as the reverse proxy would, in the name of the client 198.51.100.LAST. A client can put what it likes
# in front of the address that the proxy adds; here it puts somebody else's.
victim=192.0.2.66
titles=() clients=() paths=() expected=() statuses=() rules=()
try() { # LAST STATUS RULE PATH TITLE CURL-OPTION… <BODY
  local client=198.51.100.$1
  clients+=("$client") expected+=("$2") rules+=("$3") paths+=("$4") titles+=("$5")
  cat >"$root/sent/$client"
  local body=()
  [ ! -s "$root/sent/$client" ] || body=(--data-binary "@$root/sent/$client")
  statuses+=("$(curl -q -s --noproxy '*' --http1.1 --max-time 10 -o /dev/null -w '%{http_code}' \
    -H "Host: $host" -H "X-Forwarded-For: $victim, $client" "${@:6}" "${body[@]}" "$url$4" || true)")
}

ping_call() { # SOURCE [XML-DECLARATION]
  printf '%s\n' "${2:-<?xml version=\"1.0\"?>}" '<methodCall>' '<methodName>pingback.ping</methodName>' '<params>' \
    "<param><value><string>$1</string></value></param>" \
    "<param><value><string>http://$host/a-post/</string></value></param>" '</params></methodCall>'
}

xml=(-H 'Content-Type: text/xml')
# The tool that spams blogs sends its calls in chunks, under this name.
spammer=("${xml[@]}" -A 'PHP/5.2.10' -H 'Transfer-Encoding: chunked')
wordpress=("${xml[@]}" -A 'The Incutio XML-RPC PHP Library -- WordPress/6.1.9')

echo "${bold}A blog under attack: $url/${plain}"
echo "Each request comes through a trusted proxy and carries X-Forwarded-For: $victim, 198.51.100.N. The first address is"
echo 'forged by the client; the second one is from the proxy and true.'
echo

try 21 400 200002 /xmlrpc.php 'spam: a malformed call, chunked, PHP/5.2.10' "${spammer[@]}" \
  < <(ping_call http://pills.example/cheap | sed 's|</methodName>|<methodName>|')
try 22 400 200002 /xmlrpc.php 'spam: says it is UTF-16, and is not' "${spammer[@]}" \
  < <(ping_call http://pills.example/cheap '<?xml version="1.0" encoding="utf-16" standalone="yes"?>' | sed 's/$/\r/')
try 31 403 8505310 /xmlrpc.php 'a ping that has the blog fetch 192.168.1.1' "${wordpress[@]}" \
  < <(ping_call http://192.168.1.1/admin)
try 11 200 '' /xmlrpc.php 'a genuine ping from WordPress' "${wordpress[@]}" < <(ping_call http://linker.example/about-it/)
try 10 200 '' /a-post/ 'a reader opens a post' </dev/null

# -- What became of it -------------------------------------------------------------------------------------------------

error_log=$root/logs/error.log
audit_log=$root/logs/modsec_audit.log

# The audit records of the request that came in the name of CLIENT, whatever client they name.
record() { # CLIENT
  awk -v sent="X-Forwarded-For: $victim, $1" '
    /^--[0-9a-zA-Z]+-A--$/ { record = ""; mine = 0 }
    { record = record $0 "\n" }
    $0 == sent { mine = 1 }
    mine && /^--[0-9a-zA-Z]+-Z--$/ { printf "%s", record }' "$audit_log"
}

wrong=()
expect() { # WHAT EXPECTED FOUND
  [ "$2" = "$3" ] || wrong+=("$1: expected ${2:-nothing}, found ${3:-nothing}")
}

table_row() { printf '  %-49s  %-6s  %-7s  %-17s  %-8s  %s\n' "$@"; }

failed=0
echo "$bold$(table_row request answer rule 'client in the log' 'the blog' 'as told')$plain"
for i in "${!titles[@]}"; do
  wrong=()
  client=${clients[i]} status=${statuses[i]}
  found=$(record "$client")
  address=$(awk '/^--[0-9a-zA-Z]+-A--$/ { getline; print $4 }' <<<"$found")
  rule=$(sed -n 's/^Message: Access denied .*\[id "\([0-9]*\)"\].*/\1/p' <<<"$found")
  logged=$(grep -c -F "[client $client] ModSecurity: Access denied with code $status (phase 2)." "$error_log" || true)
  reached=$(sed -n "s/^${client//./\\.} //p" "$root/site/notes")

  expect 'the answer' "${expected[i]}" "$status"
  expect 'the rule in the audit log' "${rules[i]}" "$rule"
  if [ -n "${rules[i]}" ]; then
    expect 'the client in part A of its one audit record' "$client" "$address"
    expect 'the client in part H' "$client; via=X-Forwarded-For; forwarded-for=\"$victim, $client\"; trust=ok" \
      "$(sed -n 's/^Client-Address: \([^;]*\); peer=127.0.0.1:[0-9]*; /\1; /p' <<<"$found")"
    expect 'the answer in part F' "$status" "$(awk '$1 ~ /^HTTP\// { print $2 }' <<<"$found")"
    expect 'denials of this client in the error log' 1 "$logged"
    expect 'the rule there' 1 "$(grep -F "[client $client]" "$error_log" | grep -c -F "[id \"${rules[i]}\"]" || true)"
    expect 'what the blog got' '' "$reached"
  else
    expect 'audit records' '' "$found"
    expect 'lines about this client in the error log' 0 "$(grep -c -F "$client" "$error_log" || true)"
    sent=$root/sent/$client got="GET ${paths[i]}"
    [ ! -s "$sent" ] || got="POST ${paths[i]} $(cksum <"$sent")"
    expect 'what the blog got' "$got" "$reached"
  fi

  mark="${green}ok$plain"
  [ ${#wrong[@]} -eq 0 ] || mark="${red}FAILED$plain" failed=$((failed + 1))
  table_row "${titles[i]}" "$status" "${rule:--}" "${address:--}" "$([ -n "$reached" ] && echo 'got it' || echo -)" "$mark"
  [ ${#wrong[@]} -eq 0 ] || printf "      $red%s$plain\n" "${wrong[@]}"
done

wrong=()
expect "records and lines that take $victim for the client" 0 \
  "$(cat "$audit_log" "$error_log" | grep -c -E "client $victim|^\[[^]]*\] [^ ]+ $victim " || true)"
[ ${#wrong[@]} -eq 0 ] || { failed=$((failed + 1)); printf "      $red%s$plain\n" "${wrong[@]}"; }

printf '\n%sThe audit record of the first one%s\n\n' "$bold" "$plain"
record "${clients[0]}" | sed "s/^/  /; s/^  \(--[0-9a-zA-Z]*-[A-Z]--\)\$/  $dim\1$plain/"

if [ "$failed" -gt 0 ]; then
  printf '\n%s%s of these did not go as told.%s httpd and its log said:\n' "$red" "$failed" "$plain" >&2
  show_log
  exit 1
fi
printf '\n%sAll as it should be:%s what is no proper call was answered 400, what asks for what is not given 403, and neither\n' "$bold" "$plain"
echo 'reached the blog; the genuine ping did, byte for byte.'
[ -z "$once" ] || exit 0

cat <<HINTS

${bold}Try it$plain
  curl -i $url/a-post/
  curl -i -H 'Host: $host' -H 'X-Forwarded-For: 198.51.100.99' -H 'Content-Type: text/xml' -d '<methodCall>' $url/xmlrpc.php
${bold}Watch it$plain
  tail -f $error_log $audit_log
${bold}The configuration$plain
  examples/demo-site/site.conf, apache-conf/recommended.conf, apache-conf/rules/pingback.conf

httpd serves $url/ until Ctrl-C; then its folder, $root, is removed.
HINTS
trap 'exit 0' INT
wait "$server" || give_up 'httpd has ended by itself'
