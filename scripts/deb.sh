#!/usr/bin/env bash
# Makes the Debian package out of what `make build` left: target/libapache2-mod-palisade_VERSION_ARCH.deb.
#
# Needs dpkg-dev and nothing else. Installing is install.sh's business, here below a directory of its own; what a package needs
# on top is in packaging/debian.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)-1
architecture=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/debian/libapache2-mod-palisade
docs=$root/usr/share/doc/libapache2-mod-palisade

mkdir -p "$root/DEBIAN" "$docs"
DESTDIR=$root PREFIX=/usr LIBEXECDIR=/usr/lib/apache2/modules scripts/install.sh
install -d -m 755 "$root/var/cache" "$root/var/log"
# They belong to other users, whose numbers differ from one machine to the next: postinst makes them.
rmdir "$root/var/cache/palisade" "$root/var/cache" "$root/var/log"
rmdir --ignore-fail-on-non-empty "$root/var"
find "$root" -name '*.new' -delete
# Where Debian's zsh looks for what packages bring.
mv "$root/usr/share/zsh/site-functions" "$root/usr/share/zsh/vendor-completions"

# Line numbers stay in the build: they are four fifths of the size.
strip --strip-unneeded --remove-section=.comment "$root/usr/lib/apache2/modules/mod_palisade.so"
strip --remove-section=.comment "$root/usr/bin/palisade"

install -m 644 packaging/debian/README.Debian "$docs/README.Debian"
sed '/^@LIBINJECTION@$/{
r /dev/stdin
d
}' packaging/debian/copyright < <(sed -e '/^Copyright/d' -e 's/^$/./' -e 's/^/ /' LICENSES/libinjection-BSD-3-Clause.txt | sed 's/ *$//') >"$docs/copyright"
gzip -9n <CHANGELOG.md >"$docs/changelog.gz"
date=$(date -R -d "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}")
printf 'libapache2-mod-palisade (%s) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- The Palisade project <palisade@users.noreply.github.com>  %s\n' \
  "$version" "$date" | gzip -9n >"$docs/changelog.Debian.gz"
chmod 644 "$docs"/*

(cd "$root" && find etc -type f -printf '/%p\n' | sort) >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 755 "packaging/debian/$script" "$root/DEBIAN/$script"; done

# The libraries that the two files need, in the versions they were built against.
printf 'Source: libapache2-mod-palisade\n\nPackage: libapache2-mod-palisade\nArchitecture: any\n' >"$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O --ignore-missing-info -e"$root/usr/lib/apache2/modules/mod_palisade.so" \
  -e"$root/usr/bin/palisade" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
size=$(du -k -s --apparent-size --exclude=DEBIAN "$root" | cut -f 1)
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@SIZE@/$size/" \
  -e "s/@DEPENDS@/${depends:-libc6}/" packaging/debian/control.in >"$root/DEBIAN/control"
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\n' | sort | xargs md5sum) >"$root/DEBIAN/md5sums"
chmod 644 "$root/DEBIAN/"{control,conffiles,md5sums}
find "$root" -type d -exec chmod 755 {} +

mkdir -p target
package=target/libapache2-mod-palisade_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz --build "$root" "$package" >/dev/null
echo "deb: $package"
