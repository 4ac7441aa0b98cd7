#!/usr/bin/env bash
# The image of container/Containerfile, with the package of `make deb`: an unprivileged proxy before a small blog, configured by its
# environment. Checked from outside: answers, health, the audit log on standard output.
#
# Skips, loudly, where no container engine works; with PALISADE_REQUIRE_CONTAINER=1 that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=container/engine.sh
source container/engine.sh

package >/dev/null
engine_or_skip 'image test'
work=$(mktemp -d)
image=localhost/palisade-image:$$
containers=()
clean_up() {
  [ ${#containers[@]} -eq 0 ] || "$engine" rm -f -v "${containers[@]}" >/dev/null 2>&1 || true
  "$engine" rmi "$image" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

build_image "$image" >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; exit 1; }

# shellcheck source=container/checks.sh
source container/checks.sh

# What is behind: httpd itself on other ports, which have no rules and tell what they were asked. Mounted as an administrator's own
# configuration would be.
mkdir -p "$work/local" "$work/crs/rules"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=blog.example -keyout "$work/local/key.pem" -out "$work/local/cert.pem" 2>"$work/said"
cat >"$work/local/behind.conf" <<'BEHIND'
Listen 127.0.0.1:8000
Listen 127.0.0.1:8001 https
<VirtualHost 127.0.0.1:8000>
    SecRuleEngine Off
    DocumentRoot /var/www/html
    Header always set X-Seen-Host "expr=%{HTTP_HOST}"
    Header always set X-Seen-For "expr=%{HTTP:X-Forwarded-For}"
    Header always set X-Seen-Proto "expr=%{HTTP:X-Forwarded-Proto}"
    ErrorDocument 404 "not in here"
    Alias /leak /etc/palisade/local/leak.html
    <Directory /etc/palisade/local>
        Require all granted
    </Directory>
</VirtualHost>
<VirtualHost 127.0.0.1:8001>
    SecRuleEngine Off
    SSLEngine On
    SSLCertificateFile /etc/palisade/local/cert.pem
    SSLCertificateKeyFile /etc/palisade/local/key.pem
    DocumentRoot /var/www/html
</VirtualHost>
BEHIND
# The start of a stack trace: rule 951xxx and its kin look for such in answers.
echo '<html><p>Warning: mysqli_query(): You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version</p></html>' \
  >"$work/local/leak.html"
cat >"$work/crs/rules/own.conf" <<'OWN'
SecRule ARGS:q "@streq mine" "id:1,phase:2,deny,status:406"
SecRule ARGS:q "@streq block" "id:2,phase:2,block,msg:'blocked'"
OWN
echo 'SecDefaultAction "phase:2,log,auditlog,deny,status:409"' >"$work/crs/crs-setup.conf"
chmod -R a+rX "$work/local" "$work/crs"
chmod a+x "$work"

start() { # VARIABLE=VALUE…
  local variables=() ports=() variable port=8080
  for variable; do
    variables+=(-e "$variable")
    case $variable in
      PORT=*) port=${variable#PORT=} ;;
      SSL_CERT=*) ports+=(-p 127.0.0.1::8443) ;;
    esac
  done
  container=$("$engine" run -d -p "127.0.0.1::$port" "${ports[@]}" -v "$work/local:/etc/palisade/local:ro" -v "$work/crs:/crs:ro" \
    -e BACKEND=http://127.0.0.1:8000 "${variables[@]}" "$image")
  containers+=("$container")
  url=http://$("$engine" port "$container" "$port" | head -n 1)
  for _ in {1..100}; do curl -s -o /dev/null --max-time 2 "$url/healthz" && return; sleep 0.1; done
  "$engine" logs "$container" >&2
  return 1
}
get() { curl -sk --max-time 10 -A Mozilla -H 'Accept: */*' -H 'Host: blog.example' "$@" || true; }
status() { get -o /dev/null -w '%{http_code}' "$@"; }
header() { get -D - -o /dev/null "$2" | tr -d '\r' | sed -n "s/^$1: //pI"; } # NAME URL
# Whether standard output (logged) or standard error (told) has a line, some time; not_… has none, now.
within() { # FILE PATTERN
  for _ in {1..50}; do
    "$engine" logs "$container" >"$work/out" 2>"$work/err"
    grep -q -e "$2" "$work/$1" && { echo yes; return; }
    sleep 0.1
  done
  echo no
}
logged() { within out "$1"; }
told() { within err "$1"; }
# What is not to be there is looked for when what came later is there.
not_logged() { # PATTERN: before the next request's line in the log
  local mark=mark-$RANDOM
  status "$url/$mark?q=../../etc/passwd" >/dev/null
  [ "$(within "${2:-err}" "$mark")" = yes ] || { echo 'no mark'; return; }
  if grep -q -e "$1" "$work/out" "$work/err"; then echo yes; else echo no; fi
}
inside() { "$engine" exec "$container" "$@"; }
# httpd's own view of its configuration.
dump() { inside apache2 -C 'LoadModule info_module /usr/lib/apache2/modules/mod_info.so' -t -D DUMP_CONFIG 2>/dev/null; }
has_line() { if dump | sed 's/^ *//' | grep -qxF -e "$1"; then echo yes; else echo no; fi; }
# What the entrypoint made of the environment.
environment() { if inside grep -qxF -e "$1" /run/palisade/environment.conf; then echo yes; else echo no; fi; }
attack='/?q=../../etc/passwd'
second_level='/?q=%3Cp%3Ehello%3C/p%3E'
malformed='<methodCall><methodName>pingback.ping<methodName></methodCall>'

start SERVER_NAME=blog.example SERVER_ADMIN=admin@blog.example PORT=9090
check 'it is healthy' 204 "$(status "$url/healthz")"
# shellcheck disable=SC2016  # expanded in there
check 'as its own check says' 0 "$(inside sh -c 'curl -fsS -o /dev/null "http://127.0.0.1:${PORT:-8080}/healthz"; echo $?')"
check 'BACKEND: a request goes there' 200 "$(status "$url/")"
check 'PROXY_PRESERVE_HOST: with the name it came for' blog.example "$(header X-Seen-Host "$url/")"
check 'and how it came' http "$(header X-Seen-Proto "$url/")"
check 'an attack is refused' 403 "$(status "$url$attack")"
check 'spam is refused' 400 "$(status -H 'Content-Type: text/xml' -d "$malformed" "$url/xmlrpc.php")"
check 'nobody is root in there' www-data "$(inside id -un)"
check 'the audit log is JSON on standard output' yes "$(logged '^{"transaction".*200002')"
check 'alerts are on standard error' yes "$(told 'ModSecurity: .*id "200002"\]')"
check 'ACCESSLOG: the access log is on standard output' yes "$(logged '"GET / HTTP/1.1" 200')"
check 'which the health check is not in' no "$(not_logged '"GET /healthz')"
check 'MODSEC_TAG: rules have its tag' yes "$(told '\[tag "modsecurity"\]')"
check 'SERVER_NAME' yes "$(has_line 'ServerName blog.example')"
check 'SERVER_ADMIN' yes "$(has_line 'ServerAdmin admin@blog.example')"
check 'PARANOIA: 1, what is suspected from 2 passes' 200 "$(status "$url$second_level")"
check 'MODSEC_RESP_BODY_ACCESS, ANOMALY_OUTBOUND: a leak is kept back' 403 "$(status "$url/leak")"
check 'ALLOWED_METHODS: the rule set has its own' 403 "$(status -X PUT "$url/")"
check 'TRUSTED_PROXY: who comes through a private network is named by it' yes \
  "$(status -H 'X-Forwarded-For: 198.51.100.7' "$url$attack" >/dev/null; logged '"remote_address":"198.51.100.7"')"
check 'PROXY_ERROR_OVERRIDE: off, errors are the application'"'s" 'not in here' "$(get "$url/nothing")"

start PARANOIA=2 ANOMALY_OUTBOUND=100 MODSEC_TAG=mine ACCESSLOG=off "ALLOWED_METHODS=GET POST PUT" PROXY_PRESERVE_HOST=off \
  PINGBACK=Off TRUSTED_PROXY=192.0.2.1 PROXY_ERROR_OVERRIDE=on
check 'PARANOIA=2' 403 "$(status "$url$second_level")"
check 'ANOMALY_OUTBOUND=100' 200 "$(status "$url/leak")"
check 'MODSEC_TAG=mine' yes "$(told '\[tag "mine"\]')"
check 'ALLOWED_METHODS' 405 "$(status -X PUT "$url/")"
check 'ACCESSLOG=off' no "$(not_logged '"PUT / HTTP/1.1" 405')"
check 'PROXY_PRESERVE_HOST=off' 127.0.0.1:8000 "$(header X-Seen-Host "$url/")"
check 'PINGBACK=Off' no "$(environment 'Include /etc/palisade/rules/pingback.conf')"
check 'TRUSTED_PROXY=192.0.2.1: who is none is not believed' no \
  "$(status -H 'X-Forwarded-For: 198.51.100.9' "$url$attack" >/dev/null; not_logged '"remote_address":"198.51.100.9"')"
check 'PROXY_ERROR_OVERRIDE=on' no "$(get "$url/nothing" | grep -q 'not in here' && echo yes || echo no)"

start BLOCKING_PARANOIA=1 DETECTION_PARANOIA=2 ANOMALY_INBOUND=100 MODSEC_AUDIT_ENGINE=On MODSEC_AUDIT_LOG_FORMAT=Native \
  MODSEC_AUDIT_LOG_PARTS=ABHZ MODSEC_AUDIT_LOG=/dev/stderr REAL_IP_HEADER=X-Real-IP REMOTEIP_INT_PROXY='10.0.0.0/8 127.0.0.0/8' \
  MODSEC_RESP_BODY_ACCESS=Off ERRORLOG=/var/log/apache2/error.log
check 'ANOMALY_INBOUND=100' 200 "$(status -H 'X-Real-IP: 198.51.100.77' "$url$attack")"
check 'DETECTION_PARANOIA=2: it passes' 200 "$(status "$url$second_level")"
check 'and is told; ERRORLOG' yes "$(inside grep -q 941320 /var/log/apache2/error.log && echo yes)"
check 'MODSEC_AUDIT_LOG=/dev/stderr, MODSEC_AUDIT_LOG_FORMAT=Native' yes "$(told '^--[0-9a-zA-Z]*-A--')"
check 'MODSEC_AUDIT_LOG_PARTS=ABHZ: these' yes "$(told '^--[0-9a-zA-Z]*-H--')"
check 'MODSEC_AUDIT_ENGINE=On: what passes, too' yes "$(status "$url/clean" >/dev/null; told 'GET /clean HTTP/1.1')"
check 'and no other part' no "$(not_logged '^--[0-9a-zA-Z]*-[FCEK]--')"
check 'REAL_IP_HEADER, REMOTEIP_INT_PROXY: the client that it names' yes "$(told ' 198.51.100.77 ')"
check 'MODSEC_RESP_BODY_ACCESS=Off' 200 "$(status "$url/leak")"

start MODSEC_RULE_ENGINE=DetectionOnly MODSEC_AUDIT_ENGINE=Off PINGBACK=DetectionOnly LOGLEVEL=info TIMEOUT=7 PROXY_TIMEOUT=8 KEEPALIVE_TIMEOUT=9 \
  SERVER_TOKENS=Full CRS_ENABLE_TEST_MARKER=1 MODSEC_DATA_DIR=/tmp MODSEC_RESP_BODY_MIMETYPE='text/css text/plain'
check 'MODSEC_RULE_ENGINE=DetectionOnly refuses nothing' 200 "$(status "$url$attack")"
check 'and tells it' yes "$(told 'id "949110"\]')"
check 'MODSEC_AUDIT_ENGINE=Off' no "$(not_logged '^{"transaction"')"
check 'PINGBACK=DetectionOnly' yes "$(environment 'SecPingbackEngine DetectionOnly')"
for line in 'Timeout 7' 'ProxyTimeout 8' 'KeepAliveTimeout 9' 'LogLevel info' 'ServerTokens Full'; do
  check "$line" yes "$(has_line "$line")"
done
check 'MODSEC_DATA_DIR' yes "$(environment 'SecDataDir "/tmp"')"
check 'MODSEC_RESP_BODY_MIMETYPE: no other is looked at' no "$(status "$url/leak" >/dev/null; not_logged 'id "951')"
check 'CRS_ENABLE_TEST_MARKER' yes "$(status -H 'X-CRS-Test: found-me' "$url/" >/dev/null; told 'X-CRS-Test found-me')"

start MODSEC_RULE_ENGINE=Off
check 'MODSEC_RULE_ENGINE=Off' 200 "$(status "$url$attack")"
check 'and nothing is told' no "$(status "$url/last" >/dev/null; logged 'GET /last' >/dev/null; grep -q 949110 "$work/out" "$work/err" && echo yes || echo no)"

start MODSEC_REQ_BODY_LIMIT=100 MODSEC_REQ_BODY_NOFILES_LIMIT=50 MAX_NUM_ARGS=2 MODSEC_AUDIT_LOG=/var/log/apache2/audit.json \
  COLLECTION_STORE=redis://127.0.0.1:1 MODSEC_NOSUCH=1 METRICSLOG=/dev/null
check 'MODSEC_REQ_BODY_LIMIT' 413 "$(status -F "file=@-;filename=a.txt" "$url/upload" < <(printf '%0300d' 1))"
check 'MODSEC_REQ_BODY_NOFILES_LIMIT' 413 "$(status -d "a=$(printf '%060d' 1)" "$url/form")"
check 'MAX_NUM_ARGS' yes "$(status "$url/?a=1&b=2&c=3" >/dev/null; told 920380)"
check 'MODSEC_AUDIT_LOG' yes "$(inside grep -q '^{"transaction"' /var/log/apache2/audit.json && echo yes)"
check 'COLLECTION_STORE: without its server there are answers' 200 "$(status "$url/")"
check 'a MODSEC_ variable that nobody knows is told' yes "$(told 'MODSEC_NOSUCH has no effect here')"
check 'and one that is for what is not in here' yes "$(told 'METRICSLOG has no effect here')"
check 'and none that has' 2 "$(grep -c 'has no effect here' "$work/err")"

start MODSEC_RESP_BODY_LIMIT=10 MODSEC_RESP_BODY_LIMIT_ACTION=Reject MODSEC_AUDIT_LOG_TYPE=Concurrent
check 'MODSEC_RESP_BODY_LIMIT, MODSEC_RESP_BODY_LIMIT_ACTION=Reject' 500 "$(status "$url/leak")"
check 'MODSEC_AUDIT_LOG_TYPE=Concurrent: a file each' yes "$(status "$url$attack" >/dev/null; inside find /var/log/apache2/audit -type f | grep -q . && echo yes)"

start MODSEC_REQ_BODY_LIMIT=100 MODSEC_REQ_BODY_LIMIT_ACTION=ProcessPartial CRS_DIR=/crs
check 'MODSEC_REQ_BODY_LIMIT_ACTION=ProcessPartial' 404 "$(status -d "a=$(printf '%0300d' 1)" "$url/form")"
check 'CRS_DIR: rules from there' 406 "$(status "$url/?q=mine")"
check 'with its own default actions' 409 "$(status "$url/?q=block")"
check 'and no others' 200 "$(status "$url$attack")"

start MODSEC_REQ_BODY_ACCESS=Off CRS_DIR=/crs MODSEC_DEFAULT_PHASE2_ACTION="phase:2,log,auditlog,deny,status:410,tag:'\${MODSEC_TAG}'"
check 'MODSEC_REQ_BODY_ACCESS=Off' 404 "$(status -d 'q=mine' "$url/form")"
check 'MODSEC_DEFAULT_PHASE2_ACTION: the environment has the last word' 410 "$(status "$url/?q=block")"
check 'MODSEC_TAG in it' yes "$(told 'blocked.*\[tag "modsecurity"\]')"

start SSL_CERT=/etc/palisade/local/cert.pem SSL_CERT_KEY=/etc/palisade/local/key.pem BACKEND=https://127.0.0.1:8001/
check 'BACKEND=https://…' 200 "$(status "$url/")"
url=https://$("$engine" port "$container" 8443 | head -n 1)
check 'SSL_CERT, SSL_PORT: a page over TLS' 200 "$(status "$url/")"
check 'H2_PROTOCOLS: in HTTP/2' 2 "$(get --http2 -o /dev/null -w '%{http_version}' "$url/")"
check 'an attack is refused there' 403 "$(status --http2 "$url$attack")"

start BACKEND=https://127.0.0.1:8001 PROXY_SSL_VERIFY=require
check 'PROXY_SSL_VERIFY=require: a certificate of nobody'"'s" 500 "$(status "$url/")"
start BACKEND=https://127.0.0.1:8001 PROXY_SSL_VERIFY=require PROXY_SSL_CA_CERT=/etc/palisade/local/cert.pem
check 'PROXY_SSL_CA_CERT' 200 "$(status "$url/")"

for wrong in PORT=x MODSEC_RULE_ENGINE=Maybe $'SERVER_NAME=a"\nb' PARANOIA=high 'ALLOWED_METHODS=GET,POST' MODSEC_REQ_BODY_LIMIT=1M; do
  "$engine" run --rm -e "$wrong" "$image" true >"$work/said" 2>&1 && said=started || said=refused
  check "it refuses ${wrong%%=*} that makes no sense" refused "$said"
done

# As compose.yaml runs it: nothing can be written but what is made anew at each start, and nothing is allowed.
container=$("$engine" run -d -p 127.0.0.1::8080 --read-only --tmpfs /tmp --tmpfs /run:mode=1777 -v /var/cache/palisade \
  --cap-drop ALL --security-opt no-new-privileges "$image")
containers+=("$container")
url=http://$("$engine" port "$container" 8080 | head -n 1)
for _ in {1..100}; do [ "$(status "$url/healthz")" != 204 ] || break; sleep 0.1; done
check 'read-only and without privileges: an attack is refused' 403 "$(status "$url$attack")"
check 'and counting works' no "$(not_logged 'collections c')"
finish image
