# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # set by who sources it
#
# Sourced, after suite.sh: a root file system of the release of Debian that has $kernel, in
# $root; the packages of $packages, installed there; and all of it as a disk, in $work.

# What the release calls it.
flavour_of() {
	case $1 in
	*-rt) echo rt-amd64 ;;
	*-cloud) echo cloud-amd64 ;;
	*) echo amd64 ;;
	esac
}

# A machine as its owner has it before he hears of kevent, with the kernel that the release
# has now: $tar.
make_root() {
	local kernel=$1 image suite version default roots=$cache/roots

	image=linux-image-$(flavour_of "$kernel")
	suite=$(suite_of "${kernel%%-*}")
	version=$(suite_use "$suite" && package_candidate "$image")
	[[ $version == "${kernel%%-*}"[.~]* ]] || die "kernel $kernel: $suite has ${version:-none}"
	tar=$roots/kernel-$kernel-$version.tar
	[ ! -e "$tar" ] || return 0
	mkdir -p "$roots"
	suite_sources "$suite" | sed 's/ \[[^]]*\]//' >"$work/sources"
	default=$(suite_default "$suite")
	mmdebstrap -q --format=tar --variant=minbase ${default:+--aptopt="$default"} \
		--include="systemd-sysv,udev,kmod,procps,$image" \
		"$(suite_base "$suite")" "$tar.new" - <"$work/sources"
	rm -f "$roots/kernel-$kernel"-[0-9]*.tar
	mv "$tar.new" "$tar"
}

inside() {
	# shellcheck disable=SC2016 # the inner shell expands it
	unshare --mount bash -c '
		mount -t proc proc "$1/proc"
		mount -t sysfs sysfs "$1/sys"
		mount --rbind /dev "$1/dev"
		root=$1
		shift
		exec chroot "$root" /usr/bin/env -i HOME=/root DEBIAN_FRONTEND=noninteractive \
			PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"' bash "$root" "$@"
}

# It is the running one, for who asks there.
run_kernel() {
	release=$(cd "$root/lib/modules" && echo *)
	[[ $release == "${kernel%%-*}".*"-$(flavour_of "$kernel")" ]] || die "kernel $kernel: the root has $release"
	cat >"$root/usr/local/bin/uname" <<END2
#!/bin/sh
[ "\$1" != -r ] || exec echo $release
exec /usr/bin/uname "\$@"
END2
	chmod +x "$root/usr/local/bin/uname"
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod +x "$root/usr/sbin/policy-rc.d"
}

# install_packages NAME...: and these of Debian.
install_packages() {
	mkdir "$root/tmp/deb"
	cp "${packages[@]}" "$root/tmp/deb"
	cp -L /etc/resolv.conf "$root/etc/resolv.conf"
	inside apt-get -qq update
	# shellcheck disable=SC2016 # the inner shell expands it
	inside sh -c 'apt-get -qq install -y --no-install-recommends --no-remove \
		"$@" /tmp/deb/*.deb' sh "linux-headers-$(flavour_of "$kernel")" "$@"
	rm -r "$root/tmp/deb" "$root/usr/local/bin/uname" "$root/usr/sbin/policy-rc.d"
	inside modinfo -k "$release" -F filename kevent
}

# copy_module FILE: of what was installed.
copy_module() {
	# shellcheck disable=SC2016 # the inner shell expands it
	inside sh -c 'ko=$(modinfo -k "$1" -F filename kevent)
		case $ko in
		*.xz) xz -dc "$ko" ;;
		*) cat "$ko" ;;
		esac >"$2"' sh "$release" "$1"
}

unpack() {
	make_root "$kernel"
	mkdir "$root"
	tar -x -C "$root" -f "$tar" --exclude='./dev/*'
}

# What is run at each boot, and the programs of $tests for it.
add_checks() {
	local guest=$1 name

	install -D "$guest" "$root/usr/local/sbin/kevent-check"
	install -D -m 644 tests/vm/klog.sh "$root/vm/klog.sh"
	install -m 755 tests/vm/guest-runner.sh "$root/vm/guest-runner.sh"
	for name in "${tests[@]}"; do
		install -D "$out/tests/$name" "$root/vm/tests/$name"
	done
	printf '%s\n' "${tests[@]}" >"$root/vm/names"
	inside useradd -m user
	cat >"$root/etc/systemd/system/kevent-check.service" <<'END2'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/kevent-check
StandardOutput=file:/dev/ttyS1
StandardError=inherit
ExecStopPost=/usr/bin/systemctl --no-block --force --force poweroff
[Install]
WantedBy=default.target
END2
	inside systemctl -q enable kevent-check.service
	# the machine is slow, not dead
	install -d "$root/etc/systemd/system.conf.d"
	printf '[Manager]\nDefaultTimeoutStartSec=900\nDefaultDeviceTimeoutSec=900\n' \
		>"$root/etc/systemd/system.conf.d/slow.conf"
}

make_disk() {
	local size

	size=$(($(du -sm "$root" | cut -f 1) * 5 / 4 + 512))
	echo '/dev/vda / ext4 rw 0 0' >"$root/etc/fstab"
	mke2fs -q -t ext4 -d "$root" "$work/disk" "${size}M"
	cp "$root/boot/vmlinuz-$release" "$work/vmlinuz"
	cp "$root/boot/initrd.img-$release" "$work/initrd"
	rm -rf "$root"
}
