#!/usr/bin/env bash
# Runs httpd with the module under a checker of memory, sends it requests of every kind, and expects no error and no leak.
#
#   scripts/memcheck.sh valgrind [event|worker|prefork]
#   scripts/memcheck.sh asan [event|worker|prefork]          a module that scripts/sanitise.sh built for AddressSanitizer
#
# PALISADE_MODULE, HTTPD and HTTPD_MODULES say where things are, as for the tests.
set -eu

checker=${1:-valgrind}
mpm=${2:-event}
here=$(cd "$(dirname "$0")/.." && pwd)
first() { for path in "$@"; do if [ -e "$path" ]; then echo "$path"; return; fi; done; }
module=${PALISADE_MODULE:-$(first "$here/target/release/mod_palisade.so" "$here/target/release/libpalisade.so")}
httpd=${HTTPD:-$(first /usr/sbin/apache2 /usr/sbin/httpd /usr/local/apache2/bin/httpd)}
modules=${HTTPD_MODULES:-$(first /usr/lib/apache2/modules /usr/lib64/httpd/modules /usr/local/apache2/modules)}
case $checker in
    valgrind) needs=valgrind ;;
    # gcc's, which speaks the same protocol as LLVM's and is a library of its own: httpd itself stays as it is.
    asan) needs=$(gcc -print-file-name=libasan.so) ;;
    *) echo "memcheck.sh: valgrind or asan?" >&2; exit 2 ;;
esac
for needed in "$needs" curl "$httpd" "$module"; do
    if ! command -v "$needed" >/dev/null && ! [ -f "$needed" ]; then
        echo "memcheck.sh: ${needed:-httpd or the module} is missing" >&2
        exit 2
    fi
done

root=$(mktemp -d)
pid=
# shellcheck disable=SC2317 # called by the trap
stop() {
    if [ -n "$pid" ] && kill -TERM "$pid" 2>/dev/null; then wait "$pid" || true; fi
    rm -rf "$root"
}
trap stop EXIT

# Below the ports that the system gives to outgoing connections, or one of these could have it.
port=$((10000 + RANDOM % 20000))
while (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((10000 + RANDOM % 20000)); done
mkdir "$root/htdocs"
echo 'a fine answer' > "$root/htdocs/index.html"
echo 'an evilanswer' > "$root/htdocs/bad.html"
head -c 300000 /dev/zero | tr '\0' 'x' > "$root/body"
load() { for name; do echo "<IfModule !mod_$name.c>
LoadModule ${name}_module $modules/mod_$name.so
</IfModule>"; done; }
cat > "$root/httpd.conf" <<CONF
ServerRoot $root
PidFile httpd.pid
Mutex default:$root
Listen 127.0.0.1:$port
ServerName www.example.test
$(load "mpm_$mpm" unixd authz_core log_config mime unique_id remoteip proxy proxy_http)
LoadModule security2_module $module
ErrorLog error.log
CustomLog access.log "%h %>s %r"
DocumentRoot htdocs
TypesConfig /dev/null
AddType text/html .html
RemoteIPHeader X-Forwarded-For
RemoteIPInternalProxy 127.0.0.1
ProxyPass /b/ http://127.0.0.1:$port/
ErrorDocument 403 /index.html
SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyInMemoryLimit 65536
SecResponseBodyAccess On
SecAuditEngine On
SecAuditLog audit.log
SecAuditLogParts ABCFHZ
SecRule ARGS:one "@streq 1" "id:1,phase:1,deny,status:403"
SecRule ARGS:two "@streq 1" "id:2,phase:2,deny,status:406"
SecRule ARGS:three "@streq 1" "id:3,phase:3,deny,status:406"
SecRule RESPONSE_BODY "@contains evilanswer" "id:4,phase:4,deny,status:406"
SecRule ARGS:away "@streq 1" "id:5,phase:1,redirect:'https://elsewhere.example/%{ARGS.to}'"
SecRule ARGS:drop "@streq 1" "id:6,phase:1,drop"
SecRule REQUEST_BODY "@rx evil(?=body)" "id:7,phase:2,deny,status:406"
<Location /off>
SecRuleEngine Off
</Location>
CONF

# Backtraces keep what they have read from disk: that would be a leak.
unset RUST_BACKTRACE
case $checker in
    valgrind)
        valgrind --leak-check=full --errors-for-leak-kinds=definite --keep-debuginfo=yes --log-file="$root/checker.log" \
            "$httpd" -X -f "$root/httpd.conf" &
        ;;
    asan)
        # Leaks are valgrind's: httpd leaves its pools to the end of the process.
        LD_PRELOAD=$needs ASAN_OPTIONS=detect_leaks=0:exitcode=99:handle_segv=1 "$httpd" -X -f "$root/httpd.conf" 2> "$root/checker.log" &
        ;;
esac
pid=$!
url=http://127.0.0.1:$port
tries=0
until curl -s -o /dev/null "$url/index.html"; do
    tries=$((tries + 1))
    if [ $tries -gt 120 ] || ! kill -0 "$pid" 2>/dev/null; then
        echo "memcheck.sh: httpd did not start" >&2
        cat "$root/error.log" "$root/checker.log" >&2 || true
        exit 1
    fi
    sleep 0.5
done

failed=0
expect() { # STATUS, then curl's arguments
    wanted=$1
    shift
    got=$(curl -s -o /dev/null -w '%{http_code}' --max-time 60 "$@") || true
    if [ "$got" != "$wanted" ]; then
        echo "memcheck.sh: $got instead of $wanted for $*" >&2
        failed=1
    fi
}
for round in 1 2 3; do
    expect 200 "$url/index.html?round=$round"
    expect 404 "$url/missing.html"
    expect 403 "$url/index.html?one=1"
    expect 406 "$url/index.html?two=1"
    expect 406 "$url/index.html?three=1"
    expect 406 "$url/bad.html"
    expect 302 "$url/index.html?away=1&to=x"
    expect 000 "$url/index.html?drop=1"
    expect 200 "$url/off/../index.html" --path-as-is
    expect 200 -H 'X-Forwarded-For: 198.51.100.7' "$url/index.html"
    expect 200 -d 'a=b&c=d' "$url/index.html"
    expect 406 -d 'a=evilbody' "$url/index.html"
    expect 200 --data-binary "@$root/body" -H 'Content-Type: application/x' "$url/index.html"
    expect 200 --data-binary "@$root/body" -H 'Transfer-Encoding: chunked' -H 'Content-Type: application/x' "$url/index.html"
    if [ "$mpm" != prefork ]; then # one process with one thread cannot be its own backend
        expect 200 "$url/b/index.html"
        expect 406 "$url/b/bad.html"
        expect 200 -d 'a=b' "$url/b/index.html"
    fi
done

kill -TERM "$pid"
status=0
wait "$pid" || status=$?
pid=
case $checker in
    valgrind)
        summary=$(grep -E 'ERROR SUMMARY|total heap usage|definitely lost|indirectly lost|no leaks are possible' "$root/checker.log" | sed 's/^==[0-9]*== *//' || true)
        echo "$summary"
        if ! echo "$summary" | grep -q 'ERROR SUMMARY: 0 errors' || echo "$summary" | grep 'definitely lost' | grep -qv ' 0 bytes in 0 blocks'; then
            cat "$root/checker.log" >&2
            failed=1
        fi
        ;;
    asan)
        if [ "$status" = 99 ] || grep -q 'AddressSanitizer' "$root/checker.log"; then
            cat "$root/checker.log" >&2
            failed=1
        else
            echo 'AddressSanitizer: 0 errors'
        fi
        ;;
esac
exit $failed
