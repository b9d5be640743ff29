#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END'
usage: tests/install/run.sh [SUITE...]

make install and the package, in a real root file system of each release of Debian (bookworm,
trixie) with its dkms and compiler, and headers of two supported kernels: what is
there afterwards, also if something fails. No kernel is booted; which one runs is
what uname says there. Most is done with a module that does nothing, as it is built
so often, and at the end once with ours. As root. The last line is
"N passed, N failed".
END
}

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
cd "$top"
# shellcheck source=tests/vm/common.sh
. tests/vm/common.sh
# shellcheck source=tests/vm/suite.sh
. tests/vm/suite.sh
# shellcheck source=scripts/files.sh
. scripts/files.sh

[[ ${1:-} != -* ]] || { usage; exit 2; }
[ $# -gt 0 ] || set -- bookworm trixie
[ "$(id -u)" = 0 ] || die "not root"
passed=0 failed=0 packages=()
work=$(mktemp -d "${TMPDIR:-/tmp}/kevent-install.XXXXXX")
trap 'rm -rf "$work"' EXIT

# ---- The root ------------------------------------------------------------------

# The two kernels, as kernel.sh names them: this machine's own release needs no name.
kernels_of() {
	local at=@$1

	! grep -q "^VERSION_CODENAME=$1$" /etc/os-release || at=
	case $1 in
	bookworm) echo "6.1$at" "6.12$at" ;;
	trixie) echo "6.12$at" 7.3 ;;
	esac
}

make_root() {
	local suite=$1 tar=$cache/roots/install-libc-$1.tar

	mkdir -p "${tar%/*}"
	if [ ! -e "$tar" ]; then
		log "making a root of $suite"
		mmdebstrap -q --format=tar --variant=minbase --include=dkms,gcc,libc6-dev,make,kmod,udev,pahole \
			"$suite" "$tar.new" "$(suite_mirror main)"
		mv "$tar.new" "$tar"
	fi
	rm -rf "$root"
	mkdir -p "$root"
	tar -x -C "$root" -f "$tar" --exclude='./dev/*'
}

# As their packages put them there, from where kernel.sh has unpacked them.
add_kernel() {
	local dir KDIR='' KREL=''

	eval "$(tests/vm/kernel.sh --headers "$1")"
	dir=${KDIR%/usr/src/*}
	tar -c -C "$dir" --exclude=.toolchain usr | tar -x -C "$root" --keep-directory-symlink
	sed -i "s,$dir/usr/src/,/usr/src/," "$root"/usr/src/linux-headers-*/Makefile
	mkdir -p "$root/lib/modules/$KREL/kernel"
	touch "$root/lib/modules/$KREL"/modules.{order,builtin}
	ln -sfn "/usr/src/linux-headers-$KREL" "$root/lib/modules/$KREL/build"
	echo "$KREL"
}

fill_root() {
	local suite=$1 name
	local -a names

	make_root "$suite"
	read -ra names <<<"$(kernels_of "$suite")"
	first=$(add_kernel "${names[0]}")
	second=$(add_kernel "${names[1]}")
	for name in "$first" "$second"; do
		# dkms keeps lists of modules only where there are others, and compresses as they are
		inside sh -c "gcc -x c -c -o /lib/modules/$name/kernel/other.ko /dev/null"
		! grep -q MODULE_COMPRESS_XZ=y "$root/usr/src/linux-headers-$name/include/config/auto.conf" ||
			inside xz "/lib/modules/$name/kernel/other.ko"
		inside depmod "$name" 2>/dev/null
	done
	mkdir -p "$root/tree" "$root/sys/module"
	tree_files | cpio -pdm --quiet "$root/tree"
	mv "$root/tree/module" "$work/module"
	cp -r "$here/module" "$root/tree/module"
	cat >"$root/usr/local/bin/uname" <<'END'
#!/bin/sh
[ "$1" != -r ] || exec cat /running
[ "$1" != -m ] || [ ! -e /machine ] || exec cat /machine
exec /usr/bin/uname "$@"
END
	chmod +x "$root/usr/local/bin/uname"
}

# ---- What is looked at ---------------------------------------------------------

inside() {
	# shellcheck disable=SC2016 # the inner shell expands it
	unshare --mount bash -c '
		mount -t proc proc "$1/proc"
		mount --rbind /dev "$1/dev"
		root=$1
		shift
		exec chroot "$root" /usr/bin/env -i HOME=/root \
			PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"' bash "$root" "$@"
}

# make_install RUNNING [make's arguments]: the status is kept, what it said is in $said. The path
# is that of an ordinary user, as su leaves it. What somebody types meanwhile is not for it: to
# a reader of five bytes Secure Boot would be on.
make_install() {
	echo "$1" >"$root/running"
	shift
	status=0
	printf 'read\001' | inside PATH=/usr/local/bin:/usr/bin:/bin \
		make -C /tree --no-print-directory install "$@" >"$said" 2>&1 || status=$?
}

# The versions that the kernels have: "A:0.2.0 B:none".
state() {
	local kernel ko out=''

	for kernel in "$first" "$second"; do
		ko=$(find "$root/lib/modules/$kernel" -name 'kevent.ko*' | head -1)
		if [ -n "$ko" ]; then
			out+=" $(inside modinfo -F version "${ko#"$root"}")"
		else
			out+=" none"
		fi
	done
	echo "${out# }"
}

set_version() {
	sed -i "s/^PACKAGE_VERSION=.*/PACKAGE_VERSION=\"$1\"/" "$root/tree/dkms.conf"
	sed -i "s/^MODULE_VERSION(.*/MODULE_VERSION(\"$1\");/" "$root/tree/module/main.c"
}

sources() { (cd "$root/usr/src" && echo kevent-*); }

expect() {
	local what=$1 is=$2 must=$3

	# shellcheck disable=SC2053 # it is a pattern
	if [[ $is == $must ]]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED $suite: $what: is \"$is\", not \"$must\""
		sed 's/^/    /' "$said"
	fi
}

# One line of ours that has the words.
expect_line() {
	expect "a line with $1" "$(grep -c "^kevent: .*$1" "$said")" 1
}

# All files but directories, logs, and dkms's own keys.
list_files() {
	(cd "$root" && find . -xdev \( -path ./tree -o -path ./proc -o -path ./dev -o \
		-path ./var/log -o -path ./var/lib/dpkg -o -path ./var/cache -o -path ./running \) -prune -o ! -type d -print) |
		grep -v '^./var/lib/dkms/mok\|^./var/lib/dkms/dkms_dbversion\|/modules\.[a-z.]*$' |
		LC_ALL=C sort
}

# ---- The steps, each upon the one before ---------------------------------------

test_nothing_without_headers() {
	make_install "${first/./.9}"
	expect "status without headers" $status '[1-9]*'
	expect_line "headers of kernel.*nothing was changed"
	expect "files without headers" "$(list_files | diff "$work/before" - | head -3)" ''
}

test_unsupported() {
	mkdir -p "$root/lib/modules/9.9.0-amd64/kernel"
	make_install 9.9.0-amd64
	expect "status on an unsupported kernel" $status '[1-9]*'
	expect_line "9.9.0-amd64 is not supported.*nothing was changed"
	expect "state after an unsupported kernel" "$(state)" "$1"
	rm -r "$root/lib/modules/9.9.0-amd64"
}

test_install() {
	local old_file=$root/usr/lib/modules-load.d/kevent.conf

	mkdir -p "${old_file%/*}"
	echo kevent >"$old_file"
	make_install "$first"
	expect "status" $status 0
	expect "state" "$(state)" '1.0 none'
	expect_line 'load it with: modprobe kevent'
	expect "what loads it at boot" "$(sed -n 's/^Wants=//p' "$root/usr/lib/systemd/system/sysinit.target.d/kevent.conf")" \
		modprobe@kevent.service
	expect "the old file that loads it" "$(ls "$old_file" 2>&1)" '*No such file*'
	expect "Secure Boot, where there is no EFI" "$(grep -c 'Secure Boot is on' "$said")" 0
	make_install "$second"
	expect "state, both" "$(state)" '1.0 1.0'
	make_install "$first"
	expect "status, again" $status 0
	expect "state, again" "$(state)" '1.0 1.0'
}

# Where the module is, after each of the two ways: never in two places.
test_other_kind() {
	make_install "$first" DKMS=no
	expect "status without dkms" $status 0
	expect "where it is without dkms" "$(cd "$root/lib/modules/$first" && find . -name 'kevent.ko*' -printf '%h ')" './updates '
	make_install "$first"
	expect "where it is with dkms" "$(cd "$root/lib/modules/$first" && find . -name 'kevent.ko*' -printf '%h ')" './updates/dkms '
}

# The module that is loaded, as sysfs tells of it.
test_loaded() {
	local loaded=$root/sys/module/kevent

	mkdir "$loaded"
	echo 0.9 >"$loaded/version"
	echo 0123456789ABCDEF >"$loaded/srcversion"
	make_install "$first"
	expect_line 'version 1.0 is installed, 0.9 is loaded'
	inside modinfo -k "$first" -F srcversion kevent >"$loaded/srcversion"
	make_install "$first"
	expect_line 'installed, and loaded already'
	rm -r "$loaded"
}

# Its dkms.conf is read in another way.
test_old_dkms() {
	stub dkms 'echo dkms-2.8.7'
	make_install "$first"
	expect "status with an old dkms" $status '[1-9]*'
	expect_line 'dkms 2.8.7 is too old.*nothing was changed'
	expect "state with an old dkms" "$(state)" '1.0 1.0'
	rm "$root/usr/local/bin/dkms"
}

# What the machine's owner says of kernels is heard by us and by dkms.
test_owner() {
	cat >"$root/etc/dkms/kevent.conf" <<'END'
BUILD_EXCLUSIVE_KERNEL="^5[.]"
AUTOINSTALL="yes"
END
	make_install "$first"
	expect "status if the owner rules it out" $status '[1-9]*'
	expect_line "kernel $first is not supported.*nothing was changed"
	echo 'BUILD_EXCLUSIVE_KERNEL=".*"' >"$root/etc/dkms/kevent.conf"
	make_install "$first"
	expect "status if he widens it" $status 0
	rm "$root/etc/dkms/kevent.conf"
}

# What was tried builds, and yet dkms does not build it.
test_dkms_fails() {
	# shellcheck disable=SC2016 # the stub expands it
	stub dkms '[ "$1" != build ] || exit 1; exec /usr/sbin/dkms "$@"'
	make_install "$first"
	expect "status if dkms fails" $status '[1-9]*'
	expect_line "dkms failed for kernel $first"
	expect "state if dkms fails" "$(state)" '1.0 1.0'
	rm "$root/usr/local/bin/dkms"
}

test_upgrade() {
	set_version 1.1
	make_install "$first"
	expect "status of an upgrade" $status 0
	expect "state after an upgrade" "$(state)" '1.1 1.1'
	expect "sources after an upgrade" "$(sources)" kevent-1.1
	expect "dkms after an upgrade" "$(inside dkms status | grep -c "kevent/1\.0")" 0
}

test_broken() {
	echo '#error broken' >>"$root/tree/module/main.c"
	set_version 1.2
	make_install "$first"
	expect "status if it does not build" $status '[1-9]*'
	expect_line 'does not build.*nothing was changed'
	expect "state if it does not build" "$(state)" '1.1 1.1'
	expect "sources if it does not build" "$(sources)" kevent-1.1
	sed -i '$d' "$root/tree/module/main.c"
}

test_broken_elsewhere() {
	local series=${second%%[-+]*}

	series=${series#*.}
	cp "$root/tree/module/main.c" "$work/main.c"
	cat >>"$root/tree/module/main.c" <<END
#include <linux/version.h>
#if LINUX_VERSION_MAJOR == ${second%%.*} && LINUX_VERSION_PATCHLEVEL == ${series%%.*}
#error broken
#endif
END
	make_install "$first"
	expect "status if it does not build for another" $status 0
	expect_line "$second keeps the version that it has"
	expect "state if it does not build for another" "$(state)" '1.2 1.1'
	cp "$work/main.c" "$root/tree/module/main.c"
	make_install "$second"
	expect "state when it builds again" "$(state)" '1.2 1.2'
	expect "sources when it builds again" "$(sources)" kevent-1.2
}

# One version that supports the kernel is enough, also if another sorts before it.
test_hook() {
	mkdir "$root/usr/src/kevent-0.1"
	sed 's/^BUILD_EXCLUSIVE_KERNEL=.*/BUILD_EXCLUSIVE_KERNEL="^5[.]"/' "$root/tree/dkms.conf" \
		>"$root/usr/src/kevent-0.1/dkms.conf"
	inside /etc/kernel/postinst.d/zz-kevent "$first" >"$said" 2>&1
	expect "the hook, of a supported kernel" "$(cat "$said")" ''
	inside /etc/kernel/postinst.d/zz-kevent 9.9.0-amd64 >"$said" 2>&1
	expect_line '9.9.0-amd64 is not supported'
	echo 'BUILD_EXCLUSIVE_KERNEL="^9[.]"' >"$root/etc/dkms/kevent.conf"
	inside /etc/kernel/postinst.d/zz-kevent 9.9.0-amd64 >"$said" 2>&1
	expect "the hook, of a kernel that the owner allows" "$(cat "$said")" ''
	rm -r "$root/usr/src/kevent-0.1" "$root/etc/dkms/kevent.conf"
}

test_ours() {
	rm -r "$root/tree/module"
	mv "$work/module" "$root/tree/module"
	set_version 2.0
	make_install "$second"
	expect "state with our module" "$(state)" '2.0 2.0'
}

test_uninstall() {
	inside make -C /tree --no-print-directory uninstall >"$said" 2>&1
	expect "files that are left" "$(list_files | diff "$work/before" - | head -5)" ''
}

dpkg_in_root() {
	status=0
	inside dpkg "$@" >"$said" 2>&1 || status=$?
}

# As the packages of kernels run what is there for that.
kernel_comes() {
	status=0
	inside run-parts --report --exit-on-error --arg="$1" --arg="/boot/vmlinuz-$1" \
		/etc/kernel/postinst.d >"$said" 2>&1 || status=$?
}

# Built for the kernel that runs; and for another one when that is installed.
test_package() {
	local headers

	echo "$second" >"$root/running"
	[ ${#packages[@]} -gt 0 ] || mapfile -t packages < <(scripts/deb.sh "${O:-build}" |
		grep -E '/(kevent-dkms|libkevent0|libkevent-dev)_')
	cp "${packages[0]}" "$root/tmp/kevent.deb"
	headers=$(readlink "$root/lib/modules/$first/build")
	rm "$root/lib/modules/$first/build"
	touch "$root/usr/lib/udev/rules.d/60-kevent.rules"
	dpkg_in_root -i /tmp/kevent.deb
	expect "status of the package upon make install" $status '[1-9]*'
	expect_line 'run "make uninstall" in its tree first'
	rm "$root/usr/lib/udev/rules.d/60-kevent.rules"
	dpkg_in_root -i /tmp/kevent.deb
	expect "status of the package" $status 0
	expect "state with the package" "$(state)" "none $version"
	ln -s "$headers" "$root/lib/modules/$first/build"
	kernel_comes "$first"
	expect "status of a new kernel" $status 0
	expect "state with a new kernel" "$(state)" "$version $version"
}

# As autopkgtest runs it.
test_smoke() {
	local -a debs=("${packages[@]:1}")

	cp "${debs[@]}" "$root/tmp"
	dpkg_in_root -i "${debs[@]/#*\//\/tmp\/}"
	status=0
	inside /tree/debian/tests/smoke >"$said" 2>&1 || status=$?
	expect "status of the smoke test" $status 0
	expect "the library in the smoke test" "$(grep -c '^libkevent: ' "$said")" 1
	dpkg_in_root --purge libkevent-dev libkevent0
}

# Its files are its own.
test_package_stays() {
	local target before

	before=$(list_files)
	for target in install uninstall; do
		status=0
		inside make -C /tree --no-print-directory $target >"$said" 2>&1 || status=$?
		expect "status of $target beside the package" $status '[1-9]*'
		expect_line 'kevent-dkms is installed as a package.*nothing was changed'
	done
	expect "files beside the package" "$(list_files | diff <(echo "$before") - | head -3)" ''
}

# What the user sends when no form of a probe compiles: what the compiler said, to it and to
# dkms, and what the other probes answered.
test_package_report() {
	local sources=$root/usr/src/kevent-$version probe

	probe=$sources/module/compat/probe/vm_flags_set.c
	cp "$probe" "$work/probe.c"
	echo '#error neither' >>"$probe"
	inside dkms build --force "kevent/$version" -k "$second" >"$said" 2>&1 || true
	inside "/usr/src/kevent-$version/scripts/report.sh" "/lib/modules/$second/build" >"$said" 2>&1
	expect "the probe in the report" "$(grep -c '[*][*][*].*neither form of *compat/probe/vm_flags_set.c' "$said")" 2
	expect "the compiler in the report" "$(grep -c 'error: #error neither' "$said")" 4
	expect "answers in the report" "$(grep -cx KEV_HAVE_0_SANE "$said")" 1
	expect "dkms in the report" "$(sed '1,/^== dkms/d' "$said" | grep -c "^kevent/$version, $first,.*: installed")" 1
	cp "$work/probe.c" "$probe"
}

# Its headers are there, so that nothing but its version keeps dkms from it.
test_package_unsupported() {
	mkdir -p "$root/lib/modules/9.9.0-amd64/kernel"
	ln -s "/usr/src/linux-headers-$second" "$root/lib/modules/9.9.0-amd64/build"
	kernel_comes 9.9.0-amd64
	expect "status of an unsupported kernel" $status 0
	expect_line '9.9.0-amd64 is not supported'
	expect "its modules" "$(find "$root/lib/modules/9.9.0-amd64" -name 'kevent*')" ''
	rm -r "$root/lib/modules/9.9.0-amd64"
}

# Of a supported version, but without what the module needs, or for another architecture.
test_package_excluded() {
	local name=6.12.99-amd64 modules=$root/lib/modules/6.12.99-amd64

	mkdir -p "$modules"/{kernel,build}
	# shellcheck disable=SC2016 # the inner shell expands it
	inside sh -c 'ln -s "/usr/src/linux-headers-$1"/* "/lib/modules/$2/build"' sh "$second" $name
	sed '/^CONFIG_KPROBES=/d' "$root/usr/src/linux-headers-$second/.config" >"$modules/build/.config"
	kernel_comes $name
	expect "status of a kernel without kprobes" $status 0
	rm -r "$modules/build"
	ln -s "/usr/src/linux-headers-$second" "$modules/build"
	echo m68k >"$root/machine"
	kernel_comes $name
	expect "status of a kernel of another architecture" $status 0
	expect "modules of what is excluded" "$(find "$modules" -name 'kevent*')" ''
	rm -r "$modules" "$root/machine"
}

stub() { printf '#!/bin/sh\n%s\n' "$2" >"$root/usr/local/bin/$1" && chmod +x "$root/usr/local/bin/$1"; }

# As on a machine that was booted, with that version loaded, which a program uses.
pretend_in_use() {
	mkdir -p "$root/run/systemd/system" "$root/sys/module/kevent"
	echo "$1" >"$root/sys/module/kevent/version"
	echo 0123456789ABCDEF >"$root/sys/module/kevent/srcversion"
	stub rmmod 'exit 1'
	stub modprobe 'echo "kevent: would be loaded"'
}

# While it is in use; and, once more, while it is not.
test_package_upgrade() {
	tests/install/newer.sh "${packages[0]}" 3.0 "$root/tmp/newer.deb"
	pretend_in_use "$version"
	dpkg_in_root -i /tmp/newer.deb
	expect "status of the package's upgrade" $status 0
	expect_line "version $version is in use and stays loaded; the new one is taken at the next boot"
	expect "state after the package's upgrade" "$(state)" '3.0 3.0'
	expect "sources after the package's upgrade" "$(sources)" kevent-3.0
	expect "dkms after the package's upgrade" "$(inside dkms status | grep -c "kevent/$version")" 0
	stub rmmod 'exit 0'
	dpkg_in_root -i /tmp/newer.deb
	expect_line 'would be loaded'
}

test_package_removal() {
	pretend_in_use 3.0
	dpkg_in_root --purge kevent-dkms
	expect "status of the package's removal" $status 0
	expect_line 'in use: it stays until the next boot'
	rm -r "$root/run/systemd/system" "$root/sys/module/kevent" "$root"/usr/local/bin/{rmmod,modprobe} \
		"$root"/tmp/*.deb
	expect "files that the package leaves" "$(list_files | diff "$work/before" - | head -5)" ''
}

version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' dkms.conf)
for suite; do
	root=$work/$suite said=$work/said
	: >"$said"
	fill_root "$suite"
	set_version 1.0
	list_files >"$work/before"
	test_nothing_without_headers
	test_unsupported 'none none'
	test_install
	test_other_kind
	test_unsupported '1.0 1.0'
	test_loaded
	test_old_dkms
	test_owner
	test_dkms_fails
	test_upgrade
	test_broken
	test_broken_elsewhere
	test_hook
	test_ours
	test_uninstall
	test_package
	test_smoke
	test_package_stays
	test_package_report
	test_package_unsupported
	test_package_excluded
	test_package_upgrade
	test_package_removal
	rm -rf "$root"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
