# SPDX-License-Identifier: GPL-2.0
#
# Thin: what needs thinking is in scripts/, tests/ and bench/. "make help".

# The kernel that "run" and "check" boot: see make help.
KERNEL ?= 6.12
# The kernel that the module is built for: the running one, or, when KERNEL
# is given, that one.
ifeq ($(filter command line environment,$(origin KERNEL)),)
KDIR ?= /lib/modules/$(shell uname -r)/build
else
KDIR ?= $(shell eval "$$(tests/vm/kernel.sh $(KERNEL))" && echo "$$KDIR")
endif
O ?= build
PREFIX ?= /usr/local
TESTS ?=
WORKLOADS ?=
QUICK ?= 0
MODEL ?=
DURATION ?= 600
CPUS ?= 2
REPLAY ?=
KEEP ?=
PROG ?=
FILES ?=
TIMEOUT ?=
ROUNDS ?= 1000
RENEW ?=
SMP ?= 1
export KERNEL O WORKLOADS SMP

CC ?= gcc
# For tests with 32 bits. Headers of <asm/> are those of 64: gcc-multilib, which puts
# them where -m32 looks, excludes Debian's cross compilers.
CC32 ?= $(CC) -m32 -idirafter /usr/include/$(shell $(CC) -print-multiarch)
ALL_CFLAGS = -std=gnu11 -O2 -g -Wall -Wextra -Werror -Iinclude/uapi -Iinclude \
	-pthread -MMD -MP -MF $@.d $(CFLAGS)

# The drop-in is written for x86-64.
dropin := $(if $(filter x86_64-%,$(shell $(CC) -dumpmachine)),epoll)

test_sources := $(filter-out tests/lib/% tests/vm/% tests/fuzz/% tests/programs/% \
	$(if $(dropin),,tests/epoll/% tests/dropin/%),$(wildcard tests/*/*.c))
test_programs := $(patsubst %.c,$(O)/%,$(test_sources)) \
	$(patsubst %.c,$(O)/%.32,$(filter tests/abi/%,$(test_sources)))

all: kevent-bench lib tests module $(dropin) kqueue tools

module:
	@scripts/build-module.sh $(KDIR) $(O)

kevent-bench:
	@$(MAKE) --no-print-directory -C bench BUILD=$(abspath $(O))/bench

lib:
	@$(MAKE) --no-print-directory -s -C lib BUILD=$(abspath $(O))/lib

# The epoll drop-in.
epoll:
	@$(MAKE) --no-print-directory -C lib/epoll BUILD=$(abspath $(O))/lib/epoll

# kqueue() and kevent() of the BSDs.
kqueue:
	@$(MAKE) --no-print-directory -s -C lib/kqueue BUILD=$(abspath $(O))/lib/kqueue

tools: $(O)/tools/kevent-top

$(O)/tools/kevent-top: tools/top.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) $(LDFLAGS) -o $@ $<

tests: $(test_programs)

# Static: a test then starts faster, and needs nothing else in the machine.
$(O)/tests/%: tests/%.c $(O)/tests/lib/test.o
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Itests/lib -static -o $@ $< $(O)/tests/lib/test.o

# Those of the library use the shared one, where it was built.
$(O)/tests/libkevent/%: tests/libkevent/%.c $(O)/tests/lib/test.o | lib
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Itests/lib -I$(O)/lib -DLIBRARY='"$(abspath $(O))/lib"' -o $@ $< $(O)/tests/lib/test.o \
		-Wl,--no-as-needed -L$(O)/lib -Wl,-rpath,$(abspath $(O))/lib -lkevent

# Misuse is what they are about, too.
$(O)/tests/kqueue/%: ALL_CFLAGS += -Itests/lib -Iinclude/kevent-kqueue -Wno-nonnull

$(O)/tests/kqueue/%: tests/kqueue/%.c $(O)/tests/lib/test.o $(wildcard lib/kqueue/*.[ch]) | kqueue
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -I$(O)/lib -static -o $@ $< $(O)/tests/lib/test.o \
		$(O)/lib/kqueue/libkevent-kqueue.a

$(O)/tests/kqueue/example: $(O)/lib/manual-kqueue.h

$(O)/lib/manual-kqueue.h: man/kqueue.3 scripts/man-example.sh
	@mkdir -p $(@D)
	scripts/man-example.sh man/kqueue.3 >$@

$(O)/tests/libkevent/manual: $(O)/lib/manual.h

manual := $(wildcard man/*kevent*.[347])

$(O)/lib/manual.h: $(manual) scripts/man-example.sh
	@mkdir -p $(@D)
	scripts/man-example.sh --all $(manual) >$@

$(O)/tests/%.32: tests/%.c $(O)/tests/lib/test.32.o
	@mkdir -p $(@D)
	$(CC32) $(ALL_CFLAGS) -Itests/lib -static -o $@ $< $(O)/tests/lib/test.32.o

# Those of epoll are run in several ways: see tests/run.sh.
# Misuse is what they are about, too.
$(O)/tests/epoll/%.kernel $(O)/tests/dropin/%: ALL_CFLAGS += -Itests/lib \
	-Wno-nonnull -Wno-stringop-overflow

# The C library loads libgcc_s to cancel a thread: it has to be in the machine.
$(O)/tests/epoll/%.kernel: tests/epoll/%.c $(O)/tests/lib/test.o
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $< $(O)/tests/lib/test.o -Wl,--no-as-needed -lgcc_s

$(O)/tests/dropin/%: tests/dropin/%.c $(O)/tests/lib/test.o | epoll
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $< $(O)/tests/lib/test.o

# Programs that the test starts.
$(O)/tests/dropin/%.asan: tests/dropin/%.c $(O)/tests/lib/test.o | epoll
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fsanitize=address -o $@ $< $(O)/tests/lib/test.o

$(O)/tests/dropin/%.musl: tests/dropin/musl/%.c
	@mkdir -p $(@D)
	musl-gcc $(ALL_CFLAGS) -o $@ $<

$(O)/tests/dropin/start: | $(O)/tests/dropin/start.asan $(O)/tests/dropin/start.musl

epoll_tests := $(filter $(O)/tests/epoll/%,$(test_programs))

$(epoll_tests) $(epoll_tests:%=%.fast) $(epoll_tests:%=%.lost): tests/epoll/run.sh | epoll
	@mkdir -p $(@D)
	install tests/epoll/run.sh $@

$(epoll_tests): %: %.kernel
$(epoll_tests:%=%.fast): %.fast: %.kernel
$(epoll_tests:%=%.lost): %.lost: %.kernel

$(O)/programs/load: tests/programs/load.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -static -o $@ $<

# Static, as the tests are.
$(O)/tests/tools/kevent-top: tools/top.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -static -o $@ $<

$(O)/tests/tools/top: $(O)/tests/tools/kevent-top

fuzz_objects := $(patsubst %.c,$(O)/%.o,$(wildcard tests/fuzz/*.c))

$(O)/tests/fuzz/fuzz: $(fuzz_objects)
	$(CC) $(ALL_CFLAGS) -static -o $@ $(fuzz_objects)

$(O)/%.32.o: %.c
	@mkdir -p $(@D)
	$(CC32) $(ALL_CFLAGS) -c -o $@ $<

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

run:
	@tests/vm/need.sh run
	@bench/run.sh

check-perf:
	@tests/vm/need.sh run
	@RENEW='$(RENEW)' bench/check.sh

bench:
	@tests/vm/need.sh bench
	@QUICK='$(QUICK)' bench/all.sh

check:
	@tests/vm/need.sh check
	@{ scripts/check-tree.sh && scripts/check-lib.sh && scripts/check-bench.sh; } || { echo '0 passed, 1 failed'; exit 1; }
	@case $(KERNEL) in *-arm64 | *-arm64@*) scripts/check-barriers.sh || { echo '0 passed, 1 failed'; exit 1; } ;; esac
	@tests/run.sh --kernel $(KERNEL) $(foreach t,$(TESTS),'$(t)')

# A program of one's own, with its arguments.
try:
	@tests/vm/need.sh try
	@FILES='$(FILES)' TIMEOUT='$(TIMEOUT)' scripts/try.sh $(PROG)

check-programs:
	@tests/vm/need.sh check
	@tests/programs/run.sh --kernel $(KERNEL) $(PROGRAMS)

check-kqueue:
	@tests/vm/need.sh check
	@tests/vm/need.sh source
	@tests/programs/kqueue.sh --kernel $(KERNEL)

check-backends:
	@tests/vm/need.sh check
	@tests/vm/need.sh source
	@tests/backends/run.sh --kernel $(KERNEL) $(BACKENDS)

check-debug:
	@KERNEL=debug tests/vm/need.sh check
	@TESTS='$(TESTS)' scripts/check-debug.sh debug debug-rt

check-kcsan:
	@KERNEL=debug tests/vm/need.sh check
	@TESTS='$(TESTS)' scripts/check-debug.sh debug-kcsan

# A round takes five to twenty seconds there, as busy as the host is; it may take thirty.
check-unload:
	@KERNEL=debug tests/vm/need.sh check
	@KEVENT_ROUNDS=$(ROUNDS) KEVENT_TEST_SCALE=$$(($(ROUNDS) / 2 + 5)) \
		tests/run.sh --kernel debug --kmemleak \
		--timeout $$(($(ROUNDS) * 30 + 300)) load/rounds

# With delays in the module; on a kernel that sees what they lead to.
check-race: KERNEL := $(if $(filter file,$(origin KERNEL)),debug,$(KERNEL))
check-race:
	@tests/vm/need.sh check
	@TESTS='$(TESTS)' scripts/check-race.sh $(KERNEL) $(DURATION) $(CPUS)

check-fault: fault_kernel = $(if $(filter debug%,$(KERNEL)),$(KERNEL),debug)
check-fault:
	@KERNEL=$(fault_kernel) tests/vm/need.sh check
	@tests/run.sh --kernel $(fault_kernel) --kmemleak \
		$(if $(TESTS),$(foreach t,$(TESTS),'$(t)'),'fault/*')

lint:
	@tests/vm/need.sh lint
	@scripts/lint.sh

# It is silent if all is well.
check-builds:
	@tests/vm/need.sh lint
	@[ -z "$$(scripts/check-builds.sh $(KERNELS) | tee /dev/stderr)" ]

model:
	@tests/vm/need.sh model
	@tests/model/run.sh $(foreach m,$(MODEL),'$(m)')

# Guided by coverage, which the debug kernel has; others run unguided.
fuzz: KERNEL := $(if $(filter file,$(origin KERNEL)),debug,$(KERNEL))
fuzz:
	@tests/vm/need.sh check
	@tests/fuzz/run.sh --kernel $(KERNEL) --duration $(DURATION) \
		$(if $(REPLAY),--replay '$(REPLAY)') $(if $(KEEP),--keep)

check-install:
	@tests/vm/need.sh deb
	@tests/vm/need.sh install
	@tests/install/run.sh

# Each with its release of Debian, installed as a user would.
check-kernels:
	@tests/vm/need.sh check
	@tests/vm/need.sh deb
	@tests/vm/need.sh install
	@TESTS='$(TESTS)' tests/kernels/run.sh $(KERNELS)

check-secureboot:
	@tests/vm/need.sh check
	@tests/vm/need.sh deb
	@tests/vm/need.sh install
	@tests/vm/need.sh secureboot
	@TESTS='$(TESTS)' tests/kernels/secureboot.sh $(KERNELS)

soak:
	@tests/vm/need.sh check
	@tests/soak/run.sh $(DURATION)

install:
	@PREFIX='$(PREFIX)' KDIR='$(KDIR)' DESTDIR='$(DESTDIR)' scripts/install.sh install

install-headers:
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' scripts/install.sh headers

install-lib: lib
	@PREFIX='$(PREFIX)' LIBDIR='$(LIBDIR)' O='$(O)' DESTDIR='$(DESTDIR)' scripts/install.sh lib

uninstall:
	@PREFIX='$(PREFIX)' LIBDIR='$(LIBDIR)' KDIR='$(KDIR)' DESTDIR='$(DESTDIR)' \
		scripts/install.sh uninstall

report:
	@scripts/report.sh $(KDIR)

deb:
	@tests/vm/need.sh deb
	@scripts/deb.sh $(O)

rpm:
	@tests/vm/need.sh rpm
	@scripts/rpm.sh $(O)

clean:
	rm -rf $(O)

help:
	@echo 'make            module, libraries, epoll drop-in, tools, benchmark and tests (KDIR=, O=)'
	@echo 'make module     the module for the running kernel (KDIR=), or for another one (KERNEL=6.12)'
	@echo 'make epoll      the epoll drop-in; make -C lib/epoll install installs it'
	@echo 'make kqueue     libkevent-kqueue; make -C lib/kqueue install installs it'
	@echo 'make tools      kevent-top (O=); make kevent-bench: kevent-bench, which measures what an event costs'
	@echo "make run        the comparison, in a virtual machine (KERNEL=, WORKLOADS='pipe tcp' or all, SMP=4)"
	@echo 'make bench      every size of every workload, with a report and plots in build/bench (KERNEL=, QUICK=1)'
	@echo "make check      the tests, in a virtual machine (KERNEL=, TESTS='ring/*')"
	@echo "make try PROG='./a.out ARG'    a program of your own in that machine, with the module loaded (KERNEL=, FILES=, TIMEOUT=)"
	@echo 'make check-programs    redis, nginx and other programs, on epoll and on the drop-in (PROGRAMS=)'
	@echo 'make check-perf     compares what kevent costs with the figures in bench/figures (KERNEL=; RENEW=1 writes new ones)'
	@echo 'make check-kqueue   the tests of libevent, on its kqueue backend and libkevent-kqueue'
	@echo "make check-backends    the tests of Python, libevent and lighttpd, on epoll and on the backends of contrib/ (BACKENDS=)"
	@echo 'make check-debug    the tests on debug and debug-rt, with a scan for leaks (TESTS=)'
	@echo 'make check-kcsan    the tests on debug-kcsan (TESTS=)'
	@echo 'make check-unload   load, use, unload, ROUNDS=1000 times, on the debug kernel'
	@echo 'make check-fault    makes each allocation and each copy in each call fail once (debug kernel, TESTS=)'
	@echo 'make check-install  make install and uninstall, in roots of Debian 12 and 13 (as root)'
	@echo 'make check-kernels  the packages, installed and booted with each kernel (as root, KERNELS=, TESTS=)'
	@echo 'make check-secureboot    the packages with Secure Boot, in QEMU with OVMF (as root, KERNELS=, TESTS=)'
	@echo 'make lint       checkpatch, sparse, kernel-doc, cppcheck, shellcheck, mandoc, codespell'
	@echo 'make check-builds   builds the module for all supported kernels (KERNELS=: only for these)'
	@echo 'make check-race     each pair of operations at the same time, with delays (DURATION=, CPUS= (2), KERNEL= (debug), TESTS=)'
	@echo "make model      the ring's protocol under weak memory (MODEL=pattern)"
	@echo 'make fuzz       random calls, guided by coverage (DURATION=, KERNEL= (debug), REPLAY=file, KEEP=1)'
	@echo 'make soak       100,000 watches, which are added and ended all the time (DURATION=600, KERNEL=)'
	@echo 'make install    module (with dkms, if installed), headers, manual, what loads it at boot (PREFIX=, DESTDIR=)'
	@echo 'make uninstall  removes what make install has installed'
	@echo 'make lib        libkevent, shared and static (O=)'
	@echo 'make install-headers, make install-lib    headers and libkevent, without the module (PREFIX=, LIBDIR=, DESTDIR=)'
	@echo 'make deb, make rpm   packages of the module, the library, the drop-in and the tools'
	@echo 'make report     what to send if the module does not build or load on your kernel (KDIR=)'
	@echo 'make clean      removes what was built'
	@echo 'KERNEL: 6.12 (default), 6.1, 7.2, 7.3; 7.3-rt, 7.3-cloud; 6.12@trixie; 6.12-arm64; debug, debug-rt, debug-kcsan'

.PHONY: all module bench lib tests epoll kqueue tools run check check-perf try check-programs check-kqueue check-debug \
	check-kcsan check-unload check-race check-fault check-install check-kernels check-builds lint model fuzz soak install \
	install-headers install-lib uninstall deb rpm report clean help check-secureboot check-backends kevent-bench
.SECONDARY:

-include $(shell [ ! -d $(O) ] || find $(O)/tests $(O)/tools -name '*.d' 2>/dev/null)
