# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# Sourced: the machine of $arch that QEMU simulates.

# The kernel's console, and the ports, which are QEMU's output and tell.
# Serial ports are flow controlled by nothing: files and pipes keep up.
choose_ports() {
	case $arch in
	amd64)
		console=ttyS0 output=ttyS1 tell=ttyS2
		ports=(-serial chardev:output -serial chardev:tell)
		;;
	arm64)
		console=ttyAMA0 output=ttyS0 tell=ttyS1
		ports=(-device 'pci-serial-2x,chardev1=output,chardev2=tell')
		;;
	esac
}

# What differs: the program, the machine, words for the kernel.
choose_machine() {
	case $arch in
	amd64)
		program=qemu-system-x86_64 cpu=max
		[ "${icount:-0}" = 0 ] || cpu+=,erms=off
		cmdline+=" unknown_nmi_panic tsc=reliable"
		[ "${icount:-0}" = 0 ] || cmdline+=" mce=off"
		;;
	arm64)
		# without the first half of what is executed computes signatures
		program=qemu-system-aarch64 cpu=max,pauth-impdef=on
		[ "${icount:-0}" = 0 ] || cpu+=,cntfrq=1000000000
		options+=(-machine 'virt,gic-version=3')
		;;
	esac
}
