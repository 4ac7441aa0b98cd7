#!/usr/bin/env bash
# The Debian package on a fresh Debian, as its users meet it. First a newcomer, who follows the quick start and nothing else; then
# an administrator: installed, used, upgraded, removed, purged. `make deb` comes first.
#
# Skips, loudly, where no container engine works; with PALISADE_REQUIRE_CONTAINER=1 that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=container/engine.sh
source container/engine.sh

package=$(package)
engine_or_skip 'package test'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r docs "$package" "$work/"
cp "$package" "$work/palisade.deb"

# The next version, which is the same but for its number.
dpkg-deb -R "$work/palisade.deb" "$work/next"
sed -i 's/^Version: \(.*\)$/Version: \1+next/' "$work/next/DEBIAN/control"
dpkg-deb --root-owner-group --build "$work/next" "$work/next.deb" >/dev/null
rm -rf "$work/next"

cat >"$work/newcomer.sh" <<'INSIDE'
. /test/inside.sh
# What a reader answers to apt's question, and what a fresh container lacks.
apt() { apt-get -y "$@"; }
quiet apt-get install -y --no-install-recommends curl ca-certificates

follow quick-start.md 'Install it'
check 'Palisade is loaded, and mod_security2 is not there' 'palisade.load ' \
  "$(cd /etc/apache2/mods-enabled && ls | grep -e palisade.load -e security2 | tr '\n' ' ')"
check 'a page' 200 "$(status http://127.0.0.1/)"
follow quick-start.md 'See that it works'
check 'spam is refused' 'HTTP/1.1 400 Bad Request' "$(grep -m 1 '^HTTP' /tmp/followed | tr -d '\r')"
check 'as the page says, the error log has it' yes \
  "$(has 'ModSecurity: Access denied with code 400 (phase 2).*\[id "200002"\] \[msg "Failed to parse request body."\]' /var/log/apache2/error.log)"

# The page's rule, in a file; the last command's status says that the request is refused.
awk '/^# Nobody has business/ { here = 1 } /^```$/ { here = 0 } here' /test/docs/quick-start.md >/test/rules.conf
follow quick-start.md 'Write a rule' >/tmp/shown || [ $? -eq 1 ]
check 'its rule refuses, as `palisade run` says' yes "$(is grep -q 'refused with 404' /tmp/followed)"

# The Core Rule Set is one package more, which brings no second engine.
follow crs.md 'On Debian and Ubuntu'
check 'the Core Rule Set comes without mod_security2' no "$(is dpkg -s libapache2-mod-security2)"
check 'with it, an attack is refused' 403 "$(status 'http://127.0.0.1/?q=../../etc/passwd')"
check 'and a page is not' 200 "$(status -A Mozilla/5.0 -H 'Accept: */*' http://localhost/)"
finish
INSIDE

cat >"$work/administrator.sh" <<'INSIDE'
. /test/inside.sh
install_packages apache2 curl logrotate lintian

lint=$(lintian --tag-display-limit 0 --fail-on error /test/palisade.deb 2>&1) && lint_status=0 || lint_status=$?
echo "$lint" | sed 's/^/        /'
check 'lintian finds no error' 0 "$lint_status"

install_packages /test/palisade.deb
check 'the module is enabled' yes "$(is test -e /etc/apache2/mods-enabled/palisade.load)"
check "its data directory is httpd's" 'www-data www-data 750' "$(stat -c '%U %G %a' /var/cache/palisade)"
check 'room for logs is for root and those who read logs' 'root adm 750' "$(stat -c '%U %G %a' /var/log/palisade)"
for file in /etc/palisade/recommended.conf /etc/palisade/rules/pingback.conf /etc/apache2/mods-available/palisade.load \
  /etc/apache2/mods-available/palisade.conf /etc/logrotate.d/palisade /etc/munin/plugin-conf.d/palisade \
  /etc/fail2ban/filter.d/palisade-deny.conf /etc/fail2ban/jail.d/palisade.conf; do
  check "$file is there, and kept over upgrades" yes "$(dpkg-query -W -f '${Conffiles}' libapache2-mod-palisade | grep -q "^ $file " && is test -f "$file")"
done
check 'every file in /etc is one' '' \
  "$(dpkg -L libapache2-mod-palisade | grep '^/etc/' | while read -r file; do [ -d "$file" ] || echo "$file"; done |
    while read -r file; do dpkg-query -W -f '${Conffiles}' libapache2-mod-palisade | grep -q "^ $file " || echo "$file"; done)"
check "munin's plugin can be run" yes "$(is test -x /usr/share/munin/plugins/palisade_)"
check 'logrotate takes its file' yes "$(is logrotate -d /etc/logrotate.d/palisade)"
check 'the tool is there' yes "$(is palisade --version)"
for page in palisade palisade-check palisade-run; do
  check "man $page" yes "$(is test -f "/usr/share/man/man1/$page.1.gz")"
done
for file in bash-completion/completions/palisade zsh/vendor-completions/_palisade fish/vendor_completions.d/palisade.fish; do
  check "completions: $file" yes "$(is grep -q explain "/usr/share/$file")"
done
check 'httpd takes the configuration' yes "$(is apachectl configtest)"
check 'so does the tool' yes "$(is palisade check /etc/apache2/apache2.conf)"
call() { status -H 'Content-Type: text/xml' --data-binary "$1" http://127.0.0.1/xmlrpc.php; }
malformed='<methodCall><methodName>pingback.ping<methodName></methodCall>'
apachectl start
up
check 'a page' 200 "$(status http://127.0.0.1/)"
check 'spam is refused' 400 "$(call "$malformed")"
check 'and in the log' yes "$(has 'id "200002"' /var/log/apache2/error.log)"
check 'and in the audit log' yes "$(has 'id "200002"' /var/log/apache2/modsec_audit.log)"
check 'which the tool reads' yes "$(palisade audit -q /var/log/apache2/modsec_audit.log | grep -q 200002 && echo yes)"

echo '# my own' >>/etc/palisade/recommended.conf
quiet a2dismod palisade
install_packages /test/next.deb
check 'an upgrade keeps a changed configuration' 1 "$(grep -c '^# my own' /etc/palisade/recommended.conf)"
check 'and the module disabled, which was' no "$(is test -e /etc/apache2/mods-enabled/palisade.load)"
quiet a2enmod palisade
install_packages --reinstall /test/next.deb
check 'and enabled, which was' yes "$(is test -e /etc/apache2/mods-enabled/palisade.load)"
apachectl graceful
up
check 'spam is refused after the upgrade' 400 "$(call "$malformed")"

quiet apt-get remove -y libapache2-mod-palisade
check 'removed, it is disabled' no "$(is test -e /etc/apache2/mods-enabled/palisade.load)"
check 'and httpd goes on' yes "$(is apachectl configtest)"
check 'its configuration stays' yes "$(is test -e /etc/palisade/recommended.conf)"
install_packages /test/palisade.deb
check 'installed again, it is enabled again' yes "$(is test -e /etc/apache2/mods-enabled/palisade.load)"
check 'with the configuration that was kept' 1 "$(grep -c '^# my own' /etc/palisade/recommended.conf)"
quiet apt-get purge -y libapache2-mod-palisade
check 'purged, nothing is left' '' "$(find / -xdev -path /proc -prune -o -path /test -prune -o -name '*palisade*' ! -path '/var/lib/dpkg/*' \
  ! -path '/var/log/*' ! -path '/tmp/*' -print | head)"
check 'and httpd goes on without' yes "$(is apachectl configtest)"
finish
INSIDE

in_fresh_debian "$work" newcomer.sh
in_fresh_debian "$work" administrator.sh
echo 'deb-test: passed'
