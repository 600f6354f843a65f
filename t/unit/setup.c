/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A setup through sealed memory, as a reload passes it to a worker. */
#include "c2s/setup.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static const char text[] = "auth-attempts = 7\ndomain \"one.test\" {\n}\ndomain \"two.test\" {\n}\n";

static struct setup *make(void)
{
	struct setup *s = mem_new(sizeof *s);
	struct buf why = {0};

	s->conf = conf_parse("some.conf", STR("/folder"), str_of(text), &why);
	assert_non_null(s->conf);
	s->identities = mem_new(3 * sizeof *s->identities);
	s->count = 2;
	buf_puts(&s->identities[0].certificate, "certificate for all");
	buf_puts(&s->identities[0].key, "key for all");
	s->identities[1].domain = s->conf->domains[1].name;
	buf_puts(&s->identities[1].certificate, "certificate of two");
	buf_puts(&s->identities[1].key, "key of two");
	buf_free(&why);
	return s;
}

static void round_trip(void **state)
{
	struct setup *s = make(), *t;
	struct buf why = {0};
	int fd = setup_seal(s);

	(void)state;
	assert_true(fd >= 0);
	setup_free(&s);
	assert_int_equal(write(fd, "x", 1), -1); /* sealed */
	assert_int_equal(ftruncate(fd, 0), -1);
	t = setup_unseal(fd, &why);
	assert_non_null(t);
	assert_int_equal(t->conf->auth_attempts, 7);
	assert_string_equal(t->conf->path, "some.conf");
	assert_true(str_is(t->conf->folder, "/folder"));
	assert_int_equal(t->count, 2);
	assert_null(t->identities[0].domain);
	assert_true(str_is(buf_str(&t->identities[0].key), "key for all"));
	assert_ptr_equal(t->identities[1].domain, t->conf->domains[1].name);
	assert_true(str_is(buf_str(&t->identities[1].certificate), "certificate of two"));
	setup_free(&t);
	close(fd);
	buf_free(&why);
}

static void compared(void **state)
{
	struct setup *s = make(), *t = make();
	struct conf_change c = {0};

	(void)state;
	setup_compare(&c, s, t);
	assert_int_equal(c.fresh.n, 0);
	buf_puts(&t->identities[1].certificate, ", renewed");
	setup_compare(&c, s, t);
	assert_true(str_is(buf_str(&c.fresh), "domain \"two.test\": another certificate"));
	conf_change_end(&c);
	setup_free(&s);
	setup_free(&t);
}

/* Memory whose `n` bytes say that they are `told`. */
static bool is_taken(const char *bytes, size_t n, uint32_t told)
{
	int fd = memfd_create("t", MFD_CLOEXEC);
	struct buf length = {0}, why = {0};
	struct setup *s;
	bool taken;

	buf_u32(&length, told);
	assert_int_equal(write(fd, length.p, 4), 4);
	assert_int_equal(write(fd, bytes, n), (ssize_t)n);
	s = setup_unseal(fd, &why);
	taken = s != NULL;
	assert_true(taken || why.n);
	setup_free(&s);
	close(fd);
	buf_free(&length);
	buf_free(&why);
	return taken;
}

static void cut_off(void **state)
{
	struct setup *s = make();
	int fd = setup_seal(s);
	char bytes[1024];
	ssize_t n = pread(fd, bytes, sizeof bytes, 4);
	unsigned taken = 0;

	(void)state;
	assert_true(n > 0);
	for (uint32_t i = 1; i <= (uint32_t)n; i++)
		taken += is_taken(bytes, (size_t)n, i);
	/* whole; and behind the file and behind the first identity, where it could end as well */
	assert_int_equal(taken, 3);
	close(fd);
	setup_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"setup: sealed memory carries configuration and identities", round_trip, NULL, NULL, NULL},
		{"setup: another certificate is a change", compared, NULL, NULL, NULL},
		{"setup: memory that is cut off anywhere is refused", cut_off, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("setup", tests, NULL, NULL);
}
