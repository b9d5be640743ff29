/* SPDX-License-Identifier: GPL-2.0 */
/* A BPF program that does nothing, at the beginning or the end of a kernel function. */
#ifndef KEVENT_TEST_BPF_H
#define KEVENT_TEST_BPF_H

#include "kev.h"

#include <linux/bpf.h>
#include <linux/btf.h>

#define BTF_FILE "/sys/kernel/btf/vmlinux"

static inline int bpf_call(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* ---- The kernel's functions by number -------------------------------------------- */

/* What follows a type of this kind, bytes. */
static inline size_t btf_rest(const struct btf_type *t)
{
	size_t num = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return num * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return num * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
	case BTF_KIND_DATASEC:
		return num * 12;
	case BTF_KIND_FUNC_PROTO:
		return num * sizeof(struct btf_param);
	default:
		return 0;
	}
}

/* 0: there is none. */
static inline unsigned int btf_find(const char *btf, const char *function)
{
	const struct btf_header *h = (const struct btf_header *)btf;
	const char *pos = btf + h->hdr_len + h->type_off;
	const char *end = pos + h->type_len;
	const char *names = btf + h->hdr_len + h->str_off;
	const struct btf_type *t;
	unsigned int id;

	CHECK_EQ(h->magic, BTF_MAGIC);
	for (id = 1; pos < end; id++) {
		t = (const struct btf_type *)pos;
		if (BTF_INFO_KIND(t->info) == BTF_KIND_FUNC &&
		    !strcmp(names + t->name_off, function))
			return id;
		pos += sizeof(*t) + btf_rest(t);
	}
	return 0;
}

/* The number of a function; the test is skipped where nobody knows it. */
static inline unsigned int bpf_function(const char *function)
{
	size_t size = 0, room = 64 << 20;
	char *btf = malloc(room);
	unsigned int id;
	ssize_t n;
	int fd;

	CHECK(btf);
	fd = open(BTF_FILE, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		SKIP("no %s", BTF_FILE);
	while ((n = CHECK_OK(read(fd, btf + size, room - size))) > 0)
		size += n;
	close(fd);
	id = btf_find(btf, function);
	free(btf);
	if (!id)
		SKIP("%s has no %s", BTF_FILE, function);
	return id;
}

/* ---- The program ------------------------------------------------------------------- */

/* return 0; type: BPF_TRACE_FENTRY or BPF_TRACE_FEXIT.  Returns its fd. */
static inline int bpf_load(unsigned int function, unsigned int type)
{
	static const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_TRACING;
	attr.expected_attach_type = type;
	attr.attach_btf_id = function;
	attr.insns = (uintptr_t)code;
	attr.insn_cnt = ARRAY_SIZE(code);
	attr.license = (uintptr_t)"GPL";
	return bpf_call(BPF_PROG_LOAD, &attr);
}

/* Returns the fd of a link, which holds it there; or -1. */
static inline int bpf_attach(int program)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.prog_fd = program;
	return bpf_call(BPF_RAW_TRACEPOINT_OPEN, &attr);
}

#endif
