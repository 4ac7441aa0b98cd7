# shellcheck shell=sh
# Sourced by scripts that run in a fresh Debian, see in_fresh_debian in engine.sh: apt finds its mirrors, nothing is started by
# packages, and checks count (checks.sh).
set -eu
export DEBIAN_FRONTEND=noninteractive
# shellcheck source=container/checks.sh
. /test/checks.sh

is() { if "$@" >/dev/null 2>&1; then echo yes; else echo no; fi; } # COMMAND…: yes if it succeeds
quiet() { "$@" >/tmp/said 2>&1 || { cat /tmp/said; return 1; }; }
install_packages() { quiet apt-get install -y --no-install-recommends "$@"; }

# Waits until httpd answers on port 80, and not for ever.
up() {
  for _ in $(seq 100); do
    curl -s -o /dev/null --max-time 2 http://127.0.0.1/ && return
    sleep 0.1
  done
  echo 'httpd does not answer'; tail -n 20 /var/log/apache2/error.log
  return 1
}
# Waits until a file has a line, and says whether it has.
has() { # PATTERN FILE
  for _ in $(seq 50); do
    grep -q -e "$1" "$2" 2>/dev/null && { echo yes; return; }
    sleep 0.1
  done
  echo no
}
status() { curl -s -o /dev/null -w '%{http_code}' --max-time 10 "$@" || true; }

cp /test/apt/apt.conf.d/* /etc/apt/apt.conf.d/
if [ -s /test/apt/sources.list.d/host.list ]; then
  rm -f /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources
  cp /test/apt/sources.list.d/host.list /etc/apt/sources.list.d/
fi
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod +x /usr/sbin/policy-rc.d
quiet apt-get update

# The commands that a page of the documentation shows under a heading: the indented lines, as they are.
commands() { # PAGE HEADING
  awk -v heading="$2" '
    /^```/ { code = !code }
    !code && /^#/ { here = $0 ~ "^#+ " heading "$"; next }
    here && !code && /^    / { print substr($0, 5) }' "/test/docs/$1"
}
# Follows a page as a reader would, who is root already and has no systemd in here.
follow() { # PAGE HEADING
  commands "$1" "$2" >/tmp/commands
  [ -s /tmp/commands ] || { echo "$1 has no commands under '$2'"; return 1; }
  sed 's/^/        $ /' /tmp/commands
  # shellcheck source=/dev/null
  (set -e; cd /test; . /tmp/commands) >/tmp/followed 2>&1 || { cat /tmp/followed; return 1; }
}
sudo() { "$@"; }
systemctl() { # restart apache2
  [ "$1 $2" = 'restart apache2' ] || { echo "systemctl $*: not in here"; return 1; }
  apachectl stop >/dev/null 2>&1 || true
  for _ in $(seq 100); do [ -e /run/apache2/apache2.pid ] || break; sleep 0.1; done
  apachectl start
  up
}
