#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# deb: makes build/rove_VERSION_ARCH.deb from what is built: the three programs, their manual pages and
# completions, the systemd units, what programs with mailboxes are built against (rove.h and librove), and the component for Open MPI. It neither enables nor starts the daemon: a node is configured first.
set -eu
umask 022
cd "$(dirname "$0")/.."
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' build/CMakeCache.txt)
arch=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

for program in rove roved rove-keeper; do
    install -D -s -m 755 build/bin/$program "$root/usr/bin/$program"
done
libraries=usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
install -D -s -m 644 build/lib/librove.so."$version" "$root/$libraries/librove.so.$version"
for name in librove.so.0 librove.so; do
    ln -s librove.so."$version" "$root/$libraries/$name"
done
# Opened by Open MPI alone, which it is no reason to install.
for component in btl ras odls; do
    install -D -s -m 644 "build/lib/rove/openmpi/mca_${component}_rove.so" "$root/usr/lib/rove/openmpi/mca_${component}_rove.so"
done
install -D -m 644 include/rove.h "$root/usr/include/rove.h"
for page in build/share/man/man?/*; do
    section=$(basename "$(dirname "$page")")
    install -d "$root/usr/share/man/$section"
    gzip -9nc "$page" >"$root/usr/share/man/$section/$(basename "$page").gz"
done
install -D -m 644 build/share/completion/rove.bash "$root/usr/share/bash-completion/completions/rove"
install -D -m 644 build/share/completion/_rove "$root/usr/share/zsh/vendor-completions/_rove"
install -D -m 644 build/share/completion/rove.fish "$root/usr/share/fish/vendor_completions.d/rove.fish"
for unit in packaging/systemd/*; do
    install -D -m 644 "$unit" "$root/lib/systemd/system/$(basename "$unit")"
done
install -D -m 644 README.md "$root/usr/share/doc/rove/README.md"
install -D -m 644 LICENSE "$root/usr/share/doc/rove/copyright"

# dpkg-shlibdeps wants a source package around it; this is as much of one as it reads.
mkdir "$work/debian" "$root/DEBIAN"
printf 'Source: rove\n\nPackage: rove\nArchitecture: any\n' >"$work/debian/control"
needs=$(cd "$work" && dpkg-shlibdeps -O root/usr/bin/* "root/$libraries/librove.so.$version" | sed -n 's/^shlibs:Depends=//p')

cat >"$root/DEBIAN/control" <<END
Package: rove
Version: $version
Architecture: $arch
Maintainer: ${DEBFULLNAME:-the Rove authors} <${DEBEMAIL:-rove@localhost}>
Installed-Size: $(du -sk "$root/usr" | cut -f1)
Depends: $needs
Recommends: iproute2, nftables
Suggests: openmpi-bin
Section: admin
Priority: optional
Description: moves running programs between machines
 Makes a set of Linux machines behave like one machine with many cores:
 unmodified programs are started on any node, and while they run they are
 moved to where the CPU and the memory are.
END
echo "librove 0 rove (>= $version)" >"$root/DEBIAN/shlibs"
echo 'activate-noawait ldconfig' >"$root/DEBIAN/triggers"
# Programs and guests live through this: the unit stops the daemon alone.
cat >"$root/DEBIAN/postinst" <<'END'
#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    [ -z "$2" ] || systemctl try-restart roved.service
fi
END
cat >"$root/DEBIAN/prerm" <<'END'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    systemctl stop roved.service
fi
END
chmod 755 "$root/DEBIAN/postinst" "$root/DEBIAN/prerm"

package=build/rove_${version}_$arch.deb
dpkg-deb --build --root-owner-group "$root" "$package" >&2
echo "$package"
