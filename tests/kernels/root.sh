# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # set by who sources it
#
# Sourced, after suite.sh, cross.sh and machine.sh: a root file system of the release of Debian
# that has $kernel, in $root; the packages of $packages, installed there; and all of it as a
# disk, in $work. What is of another architecture ($arch) is run by qemu-user.

# make_tar NAME VERSION SUITE PACKAGE...: a root file system of the release, as $tar.
make_tar() {
	local name=$1 version=$2 suite=$3 roots=$cache/roots default valid
	shift 3

	tar=$roots/$name-$version.tar
	cache_lock "root-$name"
	[ ! -e "$tar" ] || return 0
	mkdir -p "$roots"
	suite_sources "$suite" | sed 's/ \[[^]]*\]//' >"$work/sources"
	default=$(suite_default "$suite")
	# this machine's mirror may be one that stands still
	valid=$(env -u APT_CONFIG apt-config dump Acquire::Check-Valid-Until)
	mmdebstrap -q --format=tar --variant=minbase --architectures="$arch" \
		${default:+--aptopt="$default"} ${valid:+--aptopt="$valid"} --include="$(IFS=, && echo "$*")" \
		"$(suite_base "$suite")" "$tar.new" - <"$work/sources"
	rm -f "$roots/$name"-[0-9]*.tar
	mv "$tar.new" "$tar"
}

# The release's version of a package, for $arch.
suite_candidate() (
	foreign=
	! is_foreign "$arch" || foreign=$arch
	suite_use "$1" "$foreign" && package_candidate "$2"
)

need_to_run() {
	! is_foreign "$arch" || grep -qs '^flags:.*F' /proc/sys/fs/binfmt_misc/qemu-aarch64 ||
		die "programs of $arch can't be run here: binfmt_misc is not mounted, or qemu-user-static is not registered there"
}

# A machine as its owner has it before he hears of kevent, with the kernel that the release
# has now: $tar.
make_root() {
	local kernel=$1 image suite version

	image=linux-image-$(kernel_flavour "$kernel")
	suite=$(suite_of "${kernel%%-*}")
	version=$(suite_candidate "$suite" "$image")
	[[ $version == "${kernel%%-*}"[.~]* ]] || die "kernel $kernel: $suite has ${version:-none}"
	need_to_run
	# busybox: if it came later, the initramfs would be made again
	make_tar "kernel-$kernel" "$version" "$suite" systemd-sysv udev kmod procps busybox "$image"
}

# What packages are built with, of the oldest release, so that they can be installed on
# all: $tar.
make_build_root() {
	local suite version

	suite=$(suite_of 6.1)
	version=$(suite_candidate "$suite" libc6-dev)
	need_to_run
	make_tar "build-$arch" "$version" "$suite" build-essential debhelper dh-dkms liburing-dev cpio
}

unpack_tar() {
	mkdir "$1"
	tar -x -C "$1" -f "$tar" --exclude='./dev/*'
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
	[[ $release == "${kernel%%-*}".*"-$(kernel_flavour "$kernel")" ]] || die "kernel $kernel: the root has $release"
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
		"$@" /tmp/deb/*.deb' sh "linux-headers-$(kernel_flavour "$kernel")" "$@"
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
	unpack_tar "$root"
}

# build_packages OUT: prints their names. They are built by the compiler of the architecture
# that they are for; lintian only reads them.
build_packages() {
	local out=$1 root=$work/build

	is_foreign "$arch" || { scripts/deb.sh "$out"; return; }
	make_build_root >&2
	unpack_tar "$root"
	mkdir "$root/src"
	tree_files | cpio -pdm --quiet "$root/src"
	inside env -C /src scripts/deb.sh --build build >&2
	rm -rf "$out/deb"
	mkdir -p "$out"
	mv "$root/src/build/deb" "$out/deb"
	rm -rf "$root"
	scripts/deb.sh --look "$out"
}

# What is run at each boot, and the programs of $tests for it.
add_checks() {
	local guest=$1 name

	install -D "$guest" "$root/usr/local/sbin/kevent-check"
	install -D -m 644 tests/vm/klog.sh "$root/vm/klog.sh"
	install -m 755 tests/vm/guest-runner.sh "$root/vm/guest-runner.sh"
	for name in "${tests[@]}"; do
		install -D "$built/tests/$name" "$root/vm/tests/$name"
	done
	printf '%s\n' "${tests[@]}" >"$root/vm/names"
	inside useradd -m user
	cat >"$root/etc/systemd/system/kevent-check.service" <<END2
[Unit]
After=multi-user.target
[Service]
Type=oneshot
Environment=KEVENT_TEST_SCALE=${KEVENT_TEST_SCALE:-1}
ExecStart=/usr/local/sbin/kevent-check
StandardOutput=file:/dev/$output
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
