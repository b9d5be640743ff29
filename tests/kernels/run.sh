#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END2'
usage: tests/kernels/run.sh [KERNEL...]

For each kernel: a root file system of the release of Debian that has it, with systemd and
udev; the packages that "make deb" makes, installed there by apt as a user would; a boot
of it all in QEMU, with that kernel and its initramfs. Looked at: the module is loaded and
/dev/kevent open to all although nobody did anything for it; an ordinary user compiles
and runs examples/echo.c with what the packages brought, on kevent and, by kevent-epoll,
a program that uses epoll; and the tests that TESTS selects pass (all, if it is empty; -:
none). One line for each kernel, with seconds; what went wrong is in
build/kernels/KERNEL.log. As root, with a mirror of Debian. The last line is
"N passed, N failed".
END2
}

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
cd "$top"
# shellcheck source=tests/vm/common.sh
. tests/vm/common.sh
# shellcheck source=tests/vm/suite.sh
. tests/vm/suite.sh

[[ ${1:-} != -* ]] || { usage; exit 2; }
[ $# -gt 0 ] || set -- 6.1 6.1-rt 6.1-cloud 6.12 6.12-rt 6.12-cloud 7.2 7.3 7.3-rt 7.3-cloud
[ "$(id -u)" = 0 ] || die "not root"
out=$(realpath -m "${O:-build}")
logs=$out/kernels
mkdir -p "$logs"
work=$(mktemp -d "${TMPDIR:-/tmp}/kevent-kernels.XXXXXX")
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

# ---- The root ------------------------------------------------------------------

suite_of() {
	case $1 in
	6.1 | 6.1-*) echo bookworm ;;
	6.12*) echo trixie ;;
	7.2*) echo sid ;;
	7.3*) echo trixie-backports ;;
	esac
}

# What the release calls it.
flavour_of() {
	case $1 in
	*-rt) echo rt-amd64 ;;
	*-cloud) echo cloud-amd64 ;;
	*) echo amd64 ;;
	esac
}

# A machine as its owner has it before he hears of kevent.
make_root() {
	local kernel=$1 tar=$cache/roots/kernel-$1.tar suite base

	suite=$(suite_of "$kernel")
	base=$(suite_base "$suite")
	[ ! -e "$tar" ] || return 0
	mkdir -p "${tar%/*}"
	suite_sources "$suite" | sed 's/ \[[^]]*\]//' >"$work/sources"
	mmdebstrap -q --format=tar --variant=minbase --aptopt="APT::Default-Release \"$suite\"" \
		--include="systemd-sysv,udev,kmod,procps,linux-image-$(flavour_of "$kernel")" \
		"$base" "$tar.new" - <"$work/sources"
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
	cat >"$root/usr/local/bin/uname" <<END2
#!/bin/sh
[ "\$1" != -r ] || exec echo $release
exec /usr/bin/uname "\$@"
END2
	chmod +x "$root/usr/local/bin/uname"
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod +x "$root/usr/sbin/policy-rc.d"
}

install_packages() {
	mkdir "$root/tmp/deb"
	cp "${packages[@]}" "$root/tmp/deb"
	cp -L /etc/resolv.conf "$root/etc/resolv.conf"
	inside apt-get -qq update
	# shellcheck disable=SC2016 # the inner shell expands it
	inside sh -c 'apt-get -qq install -y --no-install-recommends --no-remove \
		"linux-headers-$1" gcc libc6-dev /tmp/deb/*.deb' sh "$(flavour_of "$kernel")"
	rm -r "$root/tmp/deb" "$root/usr/local/bin/uname" "$root/usr/sbin/policy-rc.d"
	inside modinfo -k "$release" -F filename kevent
}

# ---- What is done there --------------------------------------------------------

add_checks() {
	local name

	install -D "$here/guest.sh" "$root/usr/local/sbin/kevent-check"
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

boot() {
	timeout "${KEVENT_KERNELS_TIMEOUT:-5400}" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 2048 \
		-nic none -display none -no-reboot \
		-drive "file=$work/disk,format=raw,if=virtio,cache=unsafe" \
		-serial "file:$work/console" -serial "file:$work/output" \
		-kernel "$work/vmlinuz" -initrd "$work/initrd" \
		-append 'root=/dev/vda console=ttyS0 panic=-1 oops=panic unknown_nmi_panic tsc=reliable systemd.show_status=0 udev.event_timeout=900'
}

# ---- One kernel ----------------------------------------------------------------

# step NAME COMMAND...: is it done? The seconds that it took are in the table.
step() {
	local name=$1 began=$SECONDS status
	shift

	[ "$good" = 1 ] || { line+=$(printf ' %9s' -); return 0; }
	echo "== $name" >>"$log"
	# not as a condition: -e must hold inside
	set +e
	(set -e; "$@") >>"$log" 2>&1
	status=$?
	set -e
	if [ $status = 0 ]; then
		passed=$((passed + 1))
		line+=$(printf ' %7ds ' $((SECONDS - began)))
	else
		good=0
		failed=$((failed + 1))
		line+=$(printf ' %9s' FAILED)
		tail -25 "$log" >&2
	fi
}

unpack() {
	make_root "$kernel"
	mkdir "$root"
	tar -x -C "$root" -f "$cache/roots/kernel-$kernel.tar" --exclude='./dev/*'
}

install_all() {
	run_kernel
	install_packages
	add_checks
	make_disk
}

boot_it() {
	boot
	tr -d '\r\0' <"$work/console" >>"$log"
	tr -d '\r' <"$work/output" >>"$log"
	# what came before the checks is not about us
	if grep -aE "$klog_bad" "$work/output" | grep -v '^#'; then
		return 1
	fi
	for what in loaded mode example echo dropin; do
		grep -aqx "kevent-check: $what ok" <(tr -d '\r' <"$work/output") || {
			echo "not seen: $what ok"
			return 1
		}
	done
}

# The programs' own words, without the checks'.
run_tests() {
	[ ${#tests[@]} -gt 0 ] || return 0
	tr -d '\r' <"$work/output" | sed '/^kevent-check: /d' | awk -f tests/report.awk >"$logs/$kernel.tests" || {
		sed -n '/^failed:/,$p' "$logs/$kernel.tests"
		return 1
	}
}

# shellcheck source=tests/vm/klog.sh
. tests/vm/klog.sh
passed=0 failed=0
tests=()
if [ "${TESTS:-}" != - ]; then
	read -ra patterns <<<"${TESTS:-}"
	mapfile -t tests < <(tests/run.sh --plain --list "${patterns[@]}")
	make -s --no-print-directory -j"$(nproc)" O="$out" "${tests[@]/#/$out/tests/}"
fi
mapfile -t packages < <(scripts/deb.sh "$out")
[ ${#packages[@]} -gt 0 ] || die "no packages"
printf '%-10s %9s %9s %9s %9s\n' kernel root install boot tests
for kernel; do
	root=$work/root log=$logs/$kernel.log line='' good=1
	: >"$log"
	rm -rf "$root" "$work"/{disk,console,output}
	step unpack unpack
	step install install_all
	step boot boot_it
	step tests run_tests
	printf '%-10s%s' "$kernel" "$line"
	[ ! -s "$logs/$kernel.tests" ] || printf '  %s' "$(tail -1 "$logs/$kernel.tests")"
	echo
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
