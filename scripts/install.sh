#!/usr/bin/env bash
# Installs what `make build` left, into the running system or below $DESTDIR:
#   the module into httpd's module directory (LIBEXECDIR, or what apxs says), the command-line tool into PREFIX/bin,
#   its manual and completions into PREFIX/share, the policy into /etc/palisade, fail2ban's files where that is, the two files that load
#   it where Debian or Fedora look for them, munin's plugin into /usr/share/munin/plugins and its configuration into /etc/munin/plugin-conf.d.
# A configuration file that is there and differs is left alone; the new one is put beside it with the ending .new.
set -euo pipefail
cd "$(dirname "$0")/.."

: "${DESTDIR:=}" "${PREFIX:=/usr/local}" "${BUILT:=target/release}"
: "${LIBEXECDIR:=$(PATH=$PATH:/usr/sbin "${APXS:-apxs}" -q LIBEXECDIR)}"

case $LIBEXECDIR in
  */apache2/*) loads=/etc/apache2/mods-available/palisade.load settings=/etc/apache2/mods-available/palisade.conf
    logs=/var/log/apache2 owner=www-data hint='a2enmod palisade && systemctl restart apache2' ;;
  *) loads=/etc/httpd/conf.modules.d/10-palisade.conf settings=/etc/httpd/conf.d/palisade.conf
    logs=/var/log/httpd owner=apache hint='systemctl restart httpd' ;;
esac

for built in mod_palisade.so palisade; do
  [ -e "$BUILT/$built" ] || { echo "install: no $BUILT/$built: run 'make build' first" >&2; exit 1; }
done

configuration() { # FILE DESTINATION: the paths in FILE are Debian's
  local new mode=644 to=$DESTDIR$2
  [ ! -x "$1" ] || mode=755
  new=$(mktemp)
  sed -e "s|/usr/lib/apache2/modules|$LIBEXECDIR|" -e "s|/var/log/apache2|$logs|" "$1" >"$new"
  if [ -e "$to" ] && ! cmp -s "$new" "$to"; then
    echo "install: $to differs and is kept: the new one is $to.new"
    to=$to.new
  fi
  install -D -m "$mode" "$new" "$to"
  rm -f "$new"
}

install -D -m 644 "$BUILT/mod_palisade.so" "$DESTDIR$LIBEXECDIR/mod_palisade.so"
install -D -m 755 "$BUILT/palisade" "$DESTDIR$PREFIX/bin/palisade"
configuration apache-conf/palisade.load "$loads"
configuration apache-conf/palisade.conf "$settings"
while IFS= read -r file; do
  configuration "apache-conf/$file" "/etc/palisade/$file"
done < <(cd apache-conf && find . -type f ! -name 'palisade.load' ! -name 'palisade.conf' ! -path './logrotate/*' ! -path './munin/*' ! -path './fail2ban/*' -printf '%P\n' | sort)
configuration apache-conf/logrotate/palisade /etc/logrotate.d/palisade

# The tool describes itself.
share=$DESTDIR$PREFIX/share
install -d "$share/man/man1" "$share/bash-completion/completions" "$share/zsh/site-functions" "$share/fish/vendor_completions.d"
"$BUILT/palisade" generate man "$share/man/man1"
gzip -9nf "$share"/man/man1/palisade*.1
"$BUILT/palisade" generate completions bash >"$share/bash-completion/completions/palisade"
"$BUILT/palisade" generate completions zsh >"$share/zsh/site-functions/_palisade"
"$BUILT/palisade" generate completions fish >"$share/fish/vendor_completions.d/palisade.fish"

# Munin finds the plugin where its own are; which graphs are drawn, links in /etc/munin/plugins say (docs/status.md).
install -D -m 755 apache-conf/munin/palisade_ "$DESTDIR/usr/share/munin/plugins/palisade_"
configuration apache-conf/munin/plugin-conf /etc/munin/plugin-conf.d/palisade

# Filters, an action and jails, none of which is enabled: where fail2ban is, or for a package.
if [ -n "$DESTDIR" ] || [ -d /etc/fail2ban ]; then
  while IFS= read -r file; do
    configuration "apache-conf/fail2ban/$file" "/etc/fail2ban/$file"
  done < <(cd apache-conf/fail2ban && find . -type f -printf '%P\n' | sort)
  # The file of bans: root writes it, httpd reads it.
  install -d -m 755 "$DESTDIR/var/lib/palisade"
fi

# The persistent collections' place. Whoever packages this creates it with httpd's user as its owner.
install -d -m 750 "$DESTDIR/var/cache/palisade"
if [ -z "$DESTDIR" ]; then
  chown "$owner:" /var/cache/palisade
  echo "install: done; to use it: $hint"
fi
