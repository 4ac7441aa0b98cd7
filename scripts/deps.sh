#!/usr/bin/env bash
# Installs the packages that the named sets need and that are not there yet: the one list of them is here.
#
#   scripts/deps.sh [build] [run] [test] [status] [check] [package] [container] [compose] [php] [wordpress]      (no set: build run)
#
# On Debian and its relatives apt installs them, as root or through sudo; who is neither is told the command to have
# somebody run. Elsewhere the packages' Fedora names are printed and it is enough that the tools are there.
# No service is configured or started by this script, but a Debian with systemd starts a fresh apache2 on port 80 by itself.
set -euo pipefail

# Debian's packages, Fedora's packages, and the commands that show a set to be there.
describe() {
  case $1 in
    build)
      debian='gcc libc6-dev make pkg-config apache2-dev libclang-dev libpcre2-dev libxml2-dev'
      fedora='gcc glibc-devel make pkgconf-pkg-config httpd-devel clang-devel pcre2-devel libxml2-devel'
      tools='gcc make pkg-config apxs' ;;
    run)
      debian='apache2 curl'
      fedora='httpd curl'
      tools='apache2|httpd curl' ;;
    # mod_security2 and its rule set are the peer that some tests compare with.
    test)
      debian='redis-server fail2ban squid ssdeep valgrind iproute2 libfaketime libapache2-mod-security2 modsecurity-crs'
      fedora='redis fail2ban squid ssdeep valgrind iproute libfaketime mod_security mod_security_crs'
      tools='redis-server|valkey-server fail2ban-regex squid valgrind' ;;
    # A real WordPress. In two sets, in this order: where php-fpm is there already, Debian does not add its httpd module.
    php)
      debian='php-fpm php-cli php-mysql php-xml php-curl php-mbstring mariadb-server-core mariadb-client-core'
      fedora='php-fpm php-cli php-mysqlnd php-xml php-mbstring mariadb-server mariadb'
      tools='php mariadbd' ;;
    wordpress)
      debian='php wordpress wordpress-theme-twentytwentythree'
      fedora='wordpress'
      tools='' ;;
    check)
      debian='shellcheck'
      fedora='ShellCheck'
      tools='shellcheck' ;;
    # A browser for the status page and munin for its plugin: large, so only `make test-status` asks for them.
    status)
      debian='chromium munin-node'
      fedora='chromium munin-node'
      tools='chromium munin-run' ;;
    package)
      debian='dpkg-dev xz-utils'
      fedora=''
      tools='dpkg-deb dpkg-shlibdeps' ;;
    # runc, because crun refuses hosts with hybrid cgroups; debootstrap, where no image registry is reached.
    container)
      debian='podman runc conmon netavark iptables debootstrap ca-certificates'
      fedora='podman runc conmon netavark iptables debootstrap ca-certificates'
      tools='podman' ;;
    # aardvark-dns lets containers find each other by name.
    compose)
      debian='podman-compose aardvark-dns'
      fedora='podman-compose aardvark-dns'
      tools='podman-compose' ;;
    *)
      echo "deps: no such set: $1 (build, run, test, status, check, package, container, compose, php, wordpress)" >&2
      exit 2 ;;
  esac
}

have_any() { # ALTERNATIVES, as in apache2|httpd
  local name
  for name in ${1//|/ }; do command -v "$name" >/dev/null && return; done
  return 1
}

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
[ $# -gt 0 ] || set -- build run

packages=() fedora_packages=() missing_tools=()
for set in "$@"; do
  describe "$set"
  read -ra names <<<"$debian" && packages+=("${names[@]}")
  read -ra names <<<"$fedora" && fedora_packages+=("${names[@]}")
  read -ra names <<<"$tools"
  for tool in "${names[@]}"; do have_any "$tool" || missing_tools+=("$tool"); done
done

if [[ " $* " == *" build "* ]] && ! command -v cargo >/dev/null; then
  echo 'deps: cargo is missing: install Rust first (rustup, or a distribution whose rustc is as new as Cargo.toml asks)' >&2
  exit 1
fi

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  [ ${#missing_tools[@]} -eq 0 ] && exit 0
  echo "deps: this is no Debian: install ${missing_tools[*]} yourself; on Fedora and RHEL (EPEL):" >&2
  echo "    dnf install ${fedora_packages[*]}" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

install=(apt-get install -y --no-install-recommends "${missing[@]}")
if [ "$(id -u)" -eq 0 ]; then
  as_root=(env DEBIAN_FRONTEND=noninteractive)
elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
  as_root=(sudo env DEBIAN_FRONTEND=noninteractive)
else
  echo 'deps: packages are missing and this user cannot install them. As root:' >&2
  echo "    apt-get update && ${install[*]}" >&2
  exit 1
fi

echo "deps: installing ${missing[*]}"
[[ " ${missing[*]} " != *" apache2 "* ]] || echo "deps: a Debian with systemd will start Apache on port 80; 'systemctl disable --now apache2' undoes that"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" "${install[@]}" </dev/null
