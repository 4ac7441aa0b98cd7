#!/usr/bin/env bash
# Makes an RPM package out of what `make build` left: target/mod_palisade-VERSION-1.ARCH.rpm. For Fedora, RHEL and their kin, and to be
# made there: the module needs the libraries of the system that it was built on. Installing is install.sh's business, below a directory
# of its own; needs rpmbuild and nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v rpmbuild >/dev/null || { echo 'rpm: rpmbuild is missing: dnf install rpm-build' >&2; exit 1; }
: "${LIBEXECDIR:=/usr/lib64/httpd/modules}"
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

DESTDIR=$root PREFIX=/usr LIBEXECDIR=$LIBEXECDIR scripts/install.sh
find "$root" -name '*.new' -delete
strip --strip-unneeded --remove-section=.comment "$root$LIBEXECDIR/mod_palisade.so"
strip --remove-section=.comment "$root/usr/bin/palisade"
install -D -m 644 -t "$root/usr/share/doc/mod_palisade" README.md CHANGELOG.md SECURITY.md
install -D -m 644 -t "$root/usr/share/licenses/mod_palisade" LICENSE LICENSES/*

# Every file is listed; what lies in /etc is the administrator's. Directories that other packages own are not named.
{
  (cd "$root" && find etc -type f -printf '%%config(noreplace) /%p\n' | sort)
  (cd "$root" && find usr -type f ! -path 'usr/share/man/*' -printf '/%p\n' | sort)
  echo '/usr/share/man/man1/palisade*.1*'
  echo '%dir /etc/palisade'
  echo '%dir /etc/palisade/rules'
  echo '%dir %attr(755, root, root) /var/lib/palisade'
  echo '%dir %attr(750, apache, apache) /var/cache/palisade'
} >"$work/files"
sed -e "s|@VERSION@|$version|; s|@ROOT@|$root|; s|@CONFIG@|/etc/httpd|" -e "/^@FILES@\$/{
r $work/files
d
}" packaging/rpm/palisade.spec.in >"$work/palisade.spec"
rpmbuild -bb --quiet --define "_topdir $work/rpmbuild" --define "_rpmdir $work/rpms" "$work/palisade.spec" >"$work/log" 2>&1 || {
  cat "$work/log" >&2
  exit 1
}
mkdir -p target
find "$work/rpms" -name '*.rpm' -exec mv -t target {} +
echo "rpm: $(find target -maxdepth 1 -name "mod_palisade-$version-*.rpm" | sort -V | tail -n 1)"
