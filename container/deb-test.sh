#!/usr/bin/env bash
# The Debian package on a fresh Debian, as its users meet it: installed, enabled, spam refused, upgraded, removed, purged; and
# once more beside a mod_security2 that is in use. `make deb` comes first.
#
# Skips, loudly, where no container engine works; with PALISADE_REQUIRE_CONTAINER=1 that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=container/engine.sh
source container/engine.sh

package=$(find target -maxdepth 1 -name 'libapache2-mod-palisade_*.deb' | sort | tail -n 1)
[ -n "$package" ] || { echo "deb-test: no package: run 'make deb' first" >&2; exit 1; }
if ! find_engine; then
  echo 'SKIPPED: package test — no working podman or docker' >&2
  printf '    %s\n' "${engine_troubles[@]}" >&2
  [ "${PALISADE_REQUIRE_CONTAINER:-}" != 1 ] || exit 1
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/apt.conf.d"
cp "$package" "$work/palisade.deb"
apt_sources >"$work/host.list"
if command -v apt-config >/dev/null; then
  apt-config dump --no-empty Acquire | grep -E '::(Proxy|Check-Valid-Until|Check-Date)( |::)' \
    >"$work/apt.conf.d/90host" || true
fi

# The next version, which is the same but for its number.
dpkg-deb -R "$work/palisade.deb" "$work/next"
sed -i 's/^Version: \(.*\)$/Version: \1+next/' "$work/next/DEBIAN/control"
dpkg-deb --root-owner-group --build "$work/next" "$work/next.deb" >/dev/null
rm -rf "$work/next"

cat >"$work/inside.sh" <<'INSIDE'
set -eu
export DEBIAN_FRONTEND=noninteractive
failed=0
check() { # WHAT EXPECTED FOUND
  if [ "$2" = "$3" ]; then echo "ok      $1"; else echo "FAILED  $1: expected $2, found $3"; failed=1; fi
}
cp /test/apt.conf.d/* /etc/apt/apt.conf.d/ 2>/dev/null || true
if [ -s /test/host.list ]; then
  rm -f /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources
  cp /test/host.list /etc/apt/sources.list.d/host.list
fi
# Nothing is to be started by packages in here.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d
quiet() { "$@" >/tmp/said 2>&1 || { cat /tmp/said; return 1; }; }
quiet apt-get update
quiet apt-get install -y --no-install-recommends apache2 curl lintian

lint=$(lintian --tag-display-limit 0 --fail-on error /test/palisade.deb 2>&1) && lint_status=0 || lint_status=$?
echo "$lint" | sed 's/^/        /'
check 'lintian finds no error' 0 "$lint_status"

quiet apt-get install -y --no-install-recommends /test/palisade.deb
check 'the module is enabled' yes "$([ -e /etc/apache2/mods-enabled/palisade.load ] && echo yes)"
check "its data directory is httpd's" 'www-data 750' "$(stat -c '%U %a' /var/cache/palisade)"
check 'the tool is there' yes "$(palisade --version | grep -q '^palisade ' && echo yes)"
check 'the manual is there' yes "$(find /usr/share/man -name 'palisade.1*' | grep -q . && echo yes)"
check 'httpd takes the configuration' yes "$(apachectl configtest 2>&1 | grep -q 'Syntax OK' && echo yes)"
check 'so does the tool' 0 "$(palisade check /etc/apache2/apache2.conf >/tmp/check 2>&1; echo $?)"
call() { curl -s -o /dev/null -w '%{http_code}' --max-time 10 -H 'Content-Type: text/xml' --data-binary "$1" http://127.0.0.1/xmlrpc.php; }
apachectl start; sleep 2
check 'a page' 200 "$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1/)"
check 'spam is refused' 400 "$(call '<methodCall><methodName>pingback.ping<methodName></methodCall>')"
check 'and in the log' 1 "$(grep -c 'id "200002"' /var/log/apache2/error.log)"
check 'and in the audit log' yes "$(palisade audit -q /var/log/apache2/modsec_audit.log | grep -q 200002 && echo yes)"

echo '# my own' >>/etc/palisade/recommended.conf
quiet apt-get install -y --no-install-recommends /test/next.deb
check 'an upgrade keeps a changed configuration' 1 "$(grep -c '^# my own' /etc/palisade/recommended.conf)"
check 'and the module enabled' yes "$([ -e /etc/apache2/mods-enabled/palisade.load ] && echo yes)"
apachectl graceful; sleep 1
check 'spam is refused after the upgrade' 400 "$(call '<methodCall><methodName>pingback.ping<methodName></methodCall>')"

quiet apt-get remove -y libapache2-mod-palisade
check 'removed, it is disabled' no "$([ -e /etc/apache2/mods-enabled/palisade.load ] && echo yes || echo no)"
check 'and httpd goes on' yes "$(apachectl configtest 2>&1 | grep -q 'Syntax OK' && echo yes)"
check 'its configuration stays' yes "$([ -e /etc/palisade/recommended.conf ] && echo yes)"
quiet apt-get purge -y libapache2-mod-palisade
check 'purged, nothing is left' '' "$(ls -d /etc/palisade /var/cache/palisade /etc/apache2/mods-available/palisade.* 2>/dev/null || true)"

quiet apt-get install -y --no-install-recommends libapache2-mod-security2 modsecurity-crs
cp /etc/modsecurity/modsecurity.conf-recommended /etc/modsecurity/modsecurity.conf
quiet apt-get install -y --no-install-recommends /test/palisade.deb
check 'beside mod_security2 it waits' no "$([ -e /etc/apache2/mods-enabled/palisade.load ] && echo yes || echo no)"
check 'migrate has read it all' 0 "$(palisade migrate >/tmp/migrate 2>&1; echo $?)"
quiet a2dismod security2
# The rules that are there already take the place of those that the package brings.
sed -i 's|^\( *IncludeOptional\) /etc/palisade/.*||; s|^\( *\)# The engine.s settings.*|\1IncludeOptional /etc/modsecurity/*.conf\n\1IncludeOptional /usr/share/modsecurity-crs/*.load|' /etc/apache2/mods-available/palisade.conf
quiet a2enmod palisade
sed -i 's/^SecRuleEngine .*/SecRuleEngine On/' /etc/modsecurity/modsecurity.conf
check 'the old configuration holds' yes "$(apachectl configtest 2>&1 | grep -q 'Syntax OK' && echo yes)"
apachectl restart; sleep 2
check 'with the Core Rule Set' 403 "$(curl -s -o /dev/null -w '%{http_code}' 'http://127.0.0.1/?q=../../etc/passwd%00')"
check 'and a page' 200 "$(curl -s -o /dev/null -w '%{http_code}' -A 'Mozilla/5.0' -H 'Accept: */*' -H 'Host: localhost' http://127.0.0.1/)"
exit "$failed"
INSIDE

"$engine" run --rm -v "$work:/test:ro" "$base_image" sh /test/inside.sh
echo 'deb-test: passed'
