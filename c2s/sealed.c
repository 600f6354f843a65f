/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See sealed.h. */
#include "c2s/sealed.h"
#include "common/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define LENGTH sizeof(uint32_t)
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static bool write_all(int fd, struct str bytes)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			bytes = str_skip(bytes, (size_t)n);
	}
	return true;
}

int sealed_make(const char *name, struct str bytes)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct buf length = {0};
	int saved;

	if (fd < 0)
		return -1;
	buf_u32(&length, (uint32_t)bytes.n);
	if (!write_all(fd, buf_str(&length)) || !write_all(fd, bytes) ||
		fcntl(fd, F_ADD_SEALS, SEALS) != 0) {
		saved = errno;
		close(fd);
		errno = saved;
		fd = -1;
	}
	buf_free(&length);
	return fd;
}

static const char *map(int fd, size_t n)
{
	void *bytes = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);

	return bytes == MAP_FAILED ? NULL : bytes;
}

bool sealed_open(int fd, struct str *bytes)
{
	const char *start = map(fd, LENGTH);
	struct str head = str_at(start, LENGTH);
	uint32_t n = 0;
	bool read = start && str_take_u32(&head, &n);

	*bytes = STR_NONE;
	if (start)
		munmap((void *)start, LENGTH);
	start = read ? map(fd, LENGTH + n) : NULL;
	if (start)
		*bytes = str_at(start + LENGTH, n);
	return start;
}

void sealed_close(struct str *bytes)
{
	if (bytes->p)
		munmap((void *)(bytes->p - LENGTH), LENGTH + bytes->n);
	*bytes = STR_NONE;
}
