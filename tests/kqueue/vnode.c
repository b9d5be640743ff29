// SPDX-License-Identifier: GPL-2.0
/*
 * EVFILT_VNODE: each NOTE_* of files and of directories; level, EV_CLEAR, EV_ONESHOT,
 * EV_DISPATCH; a file that is renamed over the watched one.
 */
#include "kqueue.h"

#define ALL	(NOTE_DELETE | NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB | NOTE_LINK | \
		 NOTE_RENAME | NOTE_REVOKE | NOTE_OPEN | NOTE_CLOSE | NOTE_CLOSE_WRITE | \
		 NOTE_READ)

/* A kqueue, a directory of its own, in which the test is, and a file in that. */
struct scene {
	int kq;
	int dir;
	int fd;
};

static struct scene new_scene(void)
{
	char name[] = "/tmp/kqueue-XXXXXX";
	struct scene s;

	CHECK(mkdtemp(name));
	CHECK_OK(chdir(name));
	s.kq = new_kqueue();
	s.dir = CHECK_OK(open(".", O_RDONLY | O_CLOEXEC));
	s.fd = CHECK_OK(open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	return s;
}

/* Adds it, for all, cleared. */
static void watch(const struct scene *s, int fd)
{
	set(s->kq, fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, ALL, 0, NULL);
	expect_none(s->kq);
}

#define expect_notes(s, fd, notes) \
	CHECK_EQ(expect((s)->kq, fd, EVFILT_VNODE).fflags, notes)

/* ---- Files ------------------------------------------------------------- */

TEST(written)
{
	struct scene s = new_scene();

	watch(&s, s.fd);
	put(s.fd, 10);
	expect_notes(&s, s.fd, NOTE_WRITE | NOTE_EXTEND);
	CHECK_EQ(pwrite(s.fd, "x", 1, 5), 1);
	expect_notes(&s, s.fd, NOTE_WRITE);
	expect_none(s.kq);
	CHECK_OK(ftruncate(s.fd, 3));
	expect_notes(&s, s.fd, NOTE_WRITE);
	CHECK_EQ(pwrite(s.fd, "xx", 2, 2), 2);
	expect_notes(&s, s.fd, NOTE_WRITE | NOTE_EXTEND);
}

TEST(attributes)
{
	struct scene s = new_scene();

	watch(&s, s.fd);
	CHECK_OK(fchmod(s.fd, 0400));
	expect_notes(&s, s.fd, NOTE_ATTRIB);
	CHECK_OK(futimens(s.fd, NULL));
	expect_notes(&s, s.fd, NOTE_ATTRIB);
}

TEST(links)
{
	struct scene s = new_scene();

	set(s.kq, s.fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, ALL & ~NOTE_ATTRIB, 0, NULL);
	CHECK_OK(link("file", "other"));
	expect_notes(&s, s.fd, NOTE_LINK);
	CHECK_OK(fchmod(s.fd, 0400));
	expect_none(s.kq);
	/* one of its names */
	CHECK_OK(unlink("other"));
	expect_notes(&s, s.fd, NOTE_LINK | NOTE_DELETE);
	CHECK_OK(unlink("file"));
	expect_notes(&s, s.fd, NOTE_LINK | NOTE_DELETE);
	expect_none(s.kq);
}

/* Neither the length nor the number of links is other than it was when last seen. */
TEST(undone)
{
	struct scene s = new_scene();

	put(s.fd, 10);
	set(s.kq, s.fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, ALL, 0, NULL);
	CHECK_OK(link("file", "other"));
	CHECK_OK(unlink("other"));
	expect_notes(&s, s.fd, NOTE_ATTRIB);
	CHECK_OK(ftruncate(s.fd, 0));
	CHECK_EQ(pwrite(s.fd, "0123456789", 10, 0), 10);
	expect_notes(&s, s.fd, NOTE_WRITE);
	CHECK_OK(ftruncate(s.fd, 20));
	expect_notes(&s, s.fd, NOTE_WRITE | NOTE_EXTEND);
}

TEST(renamed)
{
	struct scene s = new_scene();

	set(s.kq, s.fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, ALL & ~NOTE_ATTRIB, 0, NULL);
	CHECK_OK(rename("file", "other"));
	expect_notes(&s, s.fd, NOTE_RENAME);
}

TEST(renamed_over)
{
	struct scene s = new_scene();

	set(s.kq, s.fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_DELETE | NOTE_RENAME, 0, NULL);
	close(CHECK_OK(open("other", O_RDWR | O_CREAT, 0600)));
	CHECK_OK(rename("other", "file"));
	expect_notes(&s, s.fd, NOTE_DELETE);
}

TEST(opened)
{
	struct scene s = new_scene();
	char c;
	int fd;

	watch(&s, s.fd);
	fd = CHECK_OK(open("file", O_RDONLY));
	expect_notes(&s, s.fd, NOTE_OPEN);
	close(fd);
	expect_notes(&s, s.fd, NOTE_CLOSE);
	fd = CHECK_OK(open("file", O_WRONLY));
	expect_notes(&s, s.fd, NOTE_OPEN);
	close(fd);
	expect_notes(&s, s.fd, NOTE_CLOSE_WRITE);
	put(s.fd, 1);
	expect_notes(&s, s.fd, NOTE_WRITE | NOTE_EXTEND);
	CHECK_EQ(pread(s.fd, &c, 1, 0), 1);
	expect_notes(&s, s.fd, NOTE_READ);
}

/* What is not asked for does not come. */
TEST(only_some)
{
	static const unsigned int notes[] = {
		NOTE_DELETE, NOTE_WRITE, NOTE_EXTEND, NOTE_ATTRIB, NOTE_LINK, NOTE_RENAME,
		NOTE_OPEN, NOTE_CLOSE, NOTE_CLOSE_WRITE, NOTE_READ,
	};
	unsigned int i;
	char c;

	for (i = 0; i < ARRAY_SIZE(notes); i++) {
		struct scene s = new_scene();

		set(s.kq, s.fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, notes[i], 0, NULL);
		put(s.fd, 1);
		CHECK_EQ(pread(s.fd, &c, 1, 0), 1);
		close(CHECK_OK(open("file", O_RDONLY)));
		close(CHECK_OK(open("file", O_WRONLY)));
		CHECK_OK(fchmod(s.fd, 0400));
		CHECK_OK(rename("file", "other"));
		CHECK_OK(unlink("other"));
		expect_notes(&s, s.fd, notes[i]);
	}
}

/* ---- Directories ------------------------------------------------------- */

TEST(directory)
{
	struct scene s = new_scene();

	watch(&s, s.dir);
	close(CHECK_OK(open("new", O_RDWR | O_CREAT, 0600)));
	expect_notes(&s, s.dir, NOTE_WRITE);
	CHECK_OK(unlink("new"));
	expect_notes(&s, s.dir, NOTE_WRITE);
	CHECK_OK(mkdir("sub", 0700));
	expect_notes(&s, s.dir, NOTE_WRITE | NOTE_LINK);
	/* within the directory */
	CHECK_OK(rename("file", "other"));
	expect_notes(&s, s.dir, NOTE_WRITE);
	/* away, and back */
	CHECK_OK(rename("other", "sub/other"));
	expect_notes(&s, s.dir, NOTE_WRITE | NOTE_EXTEND);
	CHECK_OK(rename("sub/other", "other"));
	expect_notes(&s, s.dir, NOTE_WRITE | NOTE_EXTEND);
	CHECK_OK(rmdir("sub"));
	expect_notes(&s, s.dir, NOTE_WRITE | NOTE_LINK);
	/* subdirectories: away, and back */
	CHECK_OK(mkdir("one", 0700));
	CHECK_OK(mkdir("two", 0700));
	expect_notes(&s, s.dir, NOTE_WRITE | NOTE_LINK);
	CHECK_OK(rename("one", "two/one"));
	expect_notes(&s, s.dir, NOTE_WRITE | NOTE_LINK | NOTE_EXTEND);
	CHECK_OK(rename("two/one", "one"));
	expect_notes(&s, s.dir, NOTE_WRITE | NOTE_LINK | NOTE_EXTEND);
	CHECK_OK(fchmod(s.dir, 0755));
	expect_notes(&s, s.dir, NOTE_ATTRIB);
	expect_none(s.kq);
}

/* One that is renamed away, and another that stays, before anybody looks. */
TEST(directory_renames)
{
	struct scene s = new_scene();

	CHECK_OK(mkdir("sub", 0700));
	close(CHECK_OK(open("other", O_RDWR | O_CREAT, 0600)));
	set(s.kq, s.dir, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_EXTEND, 0, NULL);
	CHECK_OK(rename("other", "another"));
	expect_none(s.kq);
	CHECK_OK(rename("file", "sub/file"));
	CHECK_OK(rename("another", "other"));
	expect_notes(&s, s.dir, NOTE_EXTEND);
}

/* More than the kernel has room for, before anybody looks. */
static void new_files(const char *kind)
{
	char name[32];
	int i;

	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "%s-%d", kind, i);
		close(CHECK_OK(open(name, O_RDWR | O_CREAT, 0600)));
	}
}

static void many_files(int flags, unsigned int again)
{
	char path[64], other[80];
	struct scene s = new_scene();

	CHECK(getcwd(path, sizeof(path)));
	snprintf(other, sizeof(other), "%s-other", path);
	set(s.kq, s.dir, EVFILT_VNODE, EV_ADD | flags,
	    NOTE_DELETE | NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB | NOTE_RENAME, 0, NULL);
	new_files("a");
	expect_notes(&s, s.dir, NOTE_WRITE);
	new_files("b");
	expect_notes(&s, s.dir, NOTE_WRITE);
	new_files("c");
	CHECK_OK(fchmod(s.dir, 0755));
	expect_notes(&s, s.dir, NOTE_WRITE | NOTE_ATTRIB);
	new_files("d");
	CHECK_OK(rename(path, other));
	CHECK_OK(rename("d-0", path));
	expect_notes(&s, s.dir, NOTE_WRITE | NOTE_EXTEND | NOTE_RENAME | again);
}

TEST(directory_of_many_files) { many_files(EV_CLEAR, 0); }
TEST(directory_of_many_files_level) { many_files(0, NOTE_ATTRIB); }

/* Many of which are read: nothing was written in it. */
TEST(directory_of_many_readers)
{
	struct scene s = new_scene();
	char name[32];
	int i;

	new_files("a");
	set(s.kq, s.dir, EVFILT_VNODE, EV_ADD, NOTE_WRITE | NOTE_EXTEND | NOTE_OPEN, 0, NULL);
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "a-%d", i);
		close(CHECK_OK(open(name, O_RDONLY)));
	}
	CHECK(!(expect(s.kq, s.dir, EVFILT_VNODE).fflags & ~NOTE_OPEN));
}

/* What happens to the files in it is theirs. */
TEST(directory_of_files)
{
	struct scene s = new_scene();

	watch(&s, s.dir);
	put(s.fd, 1);
	CHECK_OK(fchmod(s.fd, 0400));
	close(CHECK_OK(open("file", O_RDONLY)));
	expect_none(s.kq);
}

TEST(directory_itself)
{
	struct scene s = new_scene();
	int sub;

	CHECK_OK(mkdir("sub", 0700));
	sub = CHECK_OK(open("sub", O_RDONLY));
	watch(&s, sub);
	CHECK_OK(rename("sub", "other"));
	CHECK(expect(s.kq, sub, EVFILT_VNODE).fflags & NOTE_RENAME);
	close(CHECK_OK(open("other", O_RDONLY)));
	expect_notes(&s, sub, NOTE_OPEN | NOTE_CLOSE);
}

/* ---- Flags ------------------------------------------------------------- */

/* Without EV_CLEAR it gathers, and stays. */
TEST(level)
{
	struct scene s = new_scene();

	set(s.kq, s.fd, EVFILT_VNODE, EV_ADD, NOTE_WRITE | NOTE_ATTRIB, 0, NULL);
	expect_none(s.kq);
	put(s.fd, 1);
	expect_notes(&s, s.fd, NOTE_WRITE);
	expect_notes(&s, s.fd, NOTE_WRITE);
	CHECK_OK(fchmod(s.fd, 0400));
	expect_notes(&s, s.fd, NOTE_WRITE | NOTE_ATTRIB);
	close(s.fd);
	expect_none(s.kq);
}

TEST(level_directory)
{
	struct scene s = new_scene();

	set(s.kq, s.dir, EVFILT_VNODE, EV_ADD, ALL, 0, NULL);
	CHECK_OK(unlink("file"));
	expect_notes(&s, s.dir, NOTE_WRITE);
	expect_notes(&s, s.dir, NOTE_WRITE);
}

TEST(oneshot)
{
	struct scene s = new_scene();

	set(s.kq, s.fd, EVFILT_VNODE, EV_ADD | EV_ONESHOT, NOTE_WRITE, 0, NULL);
	put(s.fd, 1);
	expect_notes(&s, s.fd, NOTE_WRITE);
	put(s.fd, 1);
	expect_none(s.kq);
	CHECK_ERRNO(try_set(s.kq, s.fd, EVFILT_VNODE, EV_DELETE, 0, 0, NULL), ENOENT);
}

TEST(dispatch)
{
	struct scene s = new_scene();

	set(s.kq, s.fd, EVFILT_VNODE, EV_ADD | EV_DISPATCH | EV_CLEAR, NOTE_WRITE, 0, NULL);
	put(s.fd, 1);
	expect_notes(&s, s.fd, NOTE_WRITE);
	put(s.fd, 1);
	expect_none(s.kq);
	set(s.kq, s.fd, EVFILT_VNODE, EV_ENABLE, 0, 0, NULL);
	expect_notes(&s, s.fd, NOTE_WRITE);
	expect_none(s.kq);
	set(s.kq, s.fd, EVFILT_VNODE, EV_ENABLE, 0, 0, NULL);
	expect_none(s.kq);
}

TEST(disabled)
{
	struct scene s = new_scene();

	set(s.kq, s.fd, EVFILT_VNODE, EV_ADD | EV_CLEAR | EV_DISABLE, ALL, 0, NULL);
	put(s.fd, 1);
	expect_none(s.kq);
	CHECK_OK(fchmod(s.fd, 0400));
	expect_none(s.kq);
	set(s.kq, s.fd, EVFILT_VNODE, EV_ENABLE, 0, 0, NULL);
	expect_notes(&s, s.fd, NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB);
}

/* What it is for can be changed, and what has come is not lost by that. */
TEST(changed)
{
	struct scene s = new_scene();

	set(s.kq, s.fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_WRITE, 0, NULL);
	put(s.fd, 1);
	set(s.kq, s.fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_WRITE | NOTE_ATTRIB, 0, NULL);
	expect_notes(&s, s.fd, NOTE_WRITE);
	CHECK_OK(fchmod(s.fd, 0400));
	expect_notes(&s, s.fd, NOTE_ATTRIB);
	set(s.kq, s.fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_WRITE, 0, NULL);
	CHECK_OK(fchmod(s.fd, 0600));
	expect_none(s.kq);
}

TEST(closed)
{
	struct scene s = new_scene();
	int fd = s.fd;

	watch(&s, fd);
	close(fd);
	expect_none(s.kq);
	CHECK_ERRNO(try_set(s.kq, fd, EVFILT_VNODE, EV_ENABLE, 0, 0, NULL), EBADF);
	CHECK_EQ(open("other", O_RDWR | O_CREAT, 0600), fd);
	watch(&s, fd);
	put(fd, 1);
	expect_notes(&s, fd, NOTE_WRITE | NOTE_EXTEND);
}

TEST(bad)
{
	struct scene s = new_scene();
	struct ends e = new_pipe();

	CHECK_ERRNO(try_set(s.kq, e.fd[0], EVFILT_VNODE, EV_ADD, NOTE_WRITE, 0, NULL), EINVAL);
	CHECK_ERRNO(try_set(s.kq, s.fd, EVFILT_VNODE, EV_ADD, 0x800, 0, NULL), EINVAL);
	CHECK_ERRNO(try_set(s.kq, 999, EVFILT_VNODE, EV_ADD, NOTE_WRITE, 0, NULL), EBADF);
	CHECK_ERRNO(try_set(s.kq, s.fd, EVFILT_VNODE, EV_DELETE, NOTE_WRITE, 0, NULL), ENOENT);
}

/* What has happened before a note was asked for is not reported with it. */
TEST(widened)
{
	struct scene s = new_scene();

	set(s.kq, s.fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_ATTRIB, 0, NULL);
	put(s.fd, 10);
	set(s.kq, s.fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_WRITE | NOTE_EXTEND, 0, NULL);
	CHECK_EQ(pwrite(s.fd, "x", 1, 5), 1);
	expect_notes(&s, s.fd, NOTE_WRITE);
	CHECK_OK(link("file", "other"));
	CHECK_OK(unlink("other"));
	CHECK_OK(link("file", "third"));
	set(s.kq, s.fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_LINK | NOTE_DELETE, 0, NULL);
	CHECK_OK(fchmod(s.fd, 0400));
	expect_none(s.kq);
	CHECK_OK(unlink("third"));
	expect_notes(&s, s.fd, NOTE_LINK | NOTE_DELETE);
}
