#!/usr/bin/env bash
# Debian's mod_security2 with the Core Rule Set, in use, is switched over by docs/migrate-from-mod_security2.md, word for word and with
# nothing else changed, and back again. The same requests, before and after, have the same answers and the same rules in the
# same audit log. `make deb` comes first.
#
# Skips, loudly, where no container engine works; with PALISADE_REQUIRE_CONTAINER=1 that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=container/engine.sh
source container/engine.sh

package=$(package)
engine_or_skip 'migration test'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r docs "$package" "$work/"

cat >"$work/migrate.sh" <<'INSIDE'
. /test/inside.sh
apt() { apt-get -y "$@"; }
install_packages apache2 curl ca-certificates libapache2-mod-security2 modsecurity-crs fail2ban
# As its documentation says: the recommended file, switched on; and what an administrator has added over the years.
sed 's/^SecRuleEngine .*/SecRuleEngine On/' /etc/modsecurity/modsecurity.conf-recommended >/etc/modsecurity/modsecurity.conf
cat >/etc/modsecurity/local.conf <<'RULES'
SecAction "id:10,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR}"
SecRule REQUEST_URI "@beginsWith /counted" "id:11,phase:1,pass,log,setvar:ip.seen=+1,expirevar:ip.seen=86400,msg:'Seen %{ip.seen} times'"
SecRule ARGS:own "@streq refuse" "id:12,phase:2,deny,status:418,log,msg:'Own rule'"
<LocationMatch "^/excepted">
    SecRuleRemoveById 930100 930110 930120 932160
</LocationMatch>
RULES
# Not by loopback: nobody is blamed for what comes from there.
address=$(hostname -I | cut -d ' ' -f 1)
audit=/var/log/apache2/modsec_audit.log errors=/var/log/apache2/error.log

ask() { # NAME PATH CURL-OPTION…
  name=$1 path=$2
  shift 2
  echo "$name $(status -A Mozilla/5.0 -H 'Host: blog.example' -H 'Accept: */*' -H "X-Name: $name" "$@" "http://$address$path")"
}
ask_all() {
  ask page /
  ask missing /nothing-here
  ask query '/?q=an+ordinary+question'
  ask form / -d 'name=Ann&text=Hello+there'
  ask own '/?own=refuse'
  ask traversal '/?q=../../etc/passwd'
  ask excepted '/excepted?q=../../etc/passwd'
  ask above /a/../../../etc/passwd --path-as-is
  ask sql "/?id=1%27%20or%20%271%27=%271%20--"
  ask sql-post / --data-urlencode "id=1' union select password from users--"
  ask script '/?q=%3Cscript%3Ealert(1)%3C/script%3E'
  ask shell '/?q=;cat%20/etc/passwd'
  ask php '/?q=%3C?php%20system($x);'
  ask scanner / -A sqlmap/1.0
  ask no-agent / -A ''
  ask method / -X PUT
  ask json / -H 'Content-Type: application/json' -d '{"a": "a question"}'
  ask json-script / -H 'Content-Type: application/json' -d '{"a": "<script>alert(1)</script>"}'
  ask json-cut / -H 'Content-Type: application/json' -d '{"a": '
  ask xml-cut / -H 'Content-Type: text/xml' -d '<a><b></a>'
  ask upload / -F 'file=@/etc/hostname;filename=a.php'
  ask upload-text / -F 'file=@/etc/hostname;filename=a.txt'
  ask backup /x.bak
  ask log4j / -H 'X-Test: ${jndi:ldap://x/}'
  ask cookie / -b 'a=<script>alert(1)</script>'
}
# Which rules the audit log names, request by request.
rules() {
  awk '
    /^--[0-9a-zA-Z]+-B--$/ { named = "" }
    /^X-Name: / { named = $2 }
    /^Message: / && match($0, /\[id "[0-9]+"\]/) { print named, substr($0, RSTART + 5, RLENGTH - 7) }' "$audit" | sort -u
}
measure() { # DIRECTORY: answers, rules and what fail2ban makes of the log
  mkdir -p "$1"
  : >"$audit"; : >"$errors"
  ask_all >"$1/answers"
  rules >"$1/rules"
  fail2ban-regex "$errors" apache-modsecurity | grep -o '[0-9]* matched' | tail -n 1 >"$1/fail2ban"
}
counted() { : >"$errors"; ask counted /counted >/dev/null; has 'Seen [0-9]* times' "$errors" >/dev/null; grep -o 'Seen [0-9]* times' "$errors"; }
engine() { tr '\0' '\n' <"/proc/$(cat /run/apache2/apache2.pid)/maps" | grep -o -e mod_palisade.so -e mod_security2.so | sort -u; }

quiet systemctl restart apache2
check 'mod_security2 is in use' mod_security2.so "$(engine)"
measure /tmp/before
check 'it refuses' 'traversal 403' "$(grep '^traversal ' /tmp/before/answers)"
check 'and excepts' 'excepted 404' "$(grep '^excepted ' /tmp/before/answers)"
check 'and counts' 'Seen 1 times' "$(counted)"
check 'and goes on counting' 'Seen 2 times' "$(counted)"
find /etc -type f -exec md5sum {} + | sort >/tmp/etc-before

follow migrate-from-mod_security2.md 'Ask what changes'
sed 's/^/        /' /tmp/followed
check 'the package waits beside mod_security2' no "$(is test -e /etc/apache2/mods-enabled/palisade.load)"
check 'migrate finds nothing that must be changed' yes "$(is grep -q '^Nothing keeps httpd from starting' /tmp/followed)"
check 'and tells the steps of the page' "$(commands migrate-from-mod_security2.md 'Debian and Ubuntu' | sed 's/^sudo //' | grep -v -e '^apachectl' -e '^systemctl')" \
  "$(sed -n '/^To do:/,$ p' /tmp/followed | grep -o -e '^ *a2[a-z]* .*' -e '^ *cp .*' | sed 's/^ *//')"
check 'and the command that takes counters along' yes "$(is grep -q 'palisade collections --store /tmp/ import .*/tmp/www-data-ip.pag' /tmp/followed)"
quiet systemctl restart apache2
check 'until then, mod_security2 stays' mod_security2.so "$(engine)"

follow migrate-from-mod_security2.md 'Debian and Ubuntu'
check 'Palisade is in use' mod_palisade.so "$(engine)"
follow migrate-from-mod_security2.md 'Counters'
find /etc -type f -exec md5sum {} + | sort >/tmp/etc-after
dpkg-query -W -f '${Conffiles}' libapache2-mod-palisade | sed 's/^ //; s/ .*//' | grep -v 'mods-available/palisade.conf' >/tmp/brought
# What mod_security2 had is as it was: the one file that changed is Palisade's own.
check 'nothing of the old configuration is changed' /etc/apache2/mods-available/palisade.conf \
  "$(comm -13 /tmp/etc-before /tmp/etc-after | sed 's/^[^ ]*  //' | grep -v -F -x -f /tmp/brought)"
check 'it goes on counting where the other was' 'Seen 3 times' "$(counted)"
measure /tmp/after
# A body that cannot be parsed is the one difference: mod_security2 answers 500 before any rule is asked.
others() { grep -v -e '-cut ' "$1"; }
others /tmp/before/answers >/tmp/answers
others /tmp/before/rules >/tmp/rules
check 'every answer is the same' '' "$(others /tmp/after/answers | diff /tmp/answers -)"
check 'every rule is the same' '' "$(others /tmp/after/rules | diff /tmp/rules -)"
check 'a body that cannot be parsed is answered 400, not 500' 'json-cut 400 xml-cut 400 ' "$(grep -e '-cut ' /tmp/after/answers | tr '\n' ' ')"
check 'fail2ban reads as many lines, and those two' "$(($(cut -d ' ' -f 1 /tmp/before/fail2ban) + 2)) matched" "$(cat /tmp/after/fail2ban)"
check 'and it was not few' yes "$(is test "$(cut -d ' ' -f 1 /tmp/after/fail2ban)" -ge 10)"
check 'the tool reads the log' yes "$(palisade audit -q "$audit" | grep -q 949110 && echo yes)"

follow migrate-from-mod_security2.md 'The pingback policy'
check 'the pingback policy beside it refuses a scan of the network' 403 "$(status -A WordPress/6.1 -H 'Host: blog.example' -H 'Accept: */*' -H 'Content-Type: text/xml' \
  -d '<?xml version="1.0"?><methodCall><methodName>pingback.ping</methodName><params><param><value><string>http://192.168.1.1/</string></value></param><param><value><string>http://blog.example/post</string></value></param></params></methodCall>' http://127.0.0.1/xmlrpc.php)"

follow migrate-from-mod_security2.md 'Going back'
check 'mod_security2 is in use again' mod_security2.so "$(engine)"
check 'and refuses' 'traversal 403' "$(ask traversal '/?q=../../etc/passwd')"
finish
INSIDE

in_fresh_debian "$work" migrate.sh
echo 'migrate-test: passed'
