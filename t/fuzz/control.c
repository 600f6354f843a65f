/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Any bytes as a request to the control socket: what is taken for one is written and read back as the same; a second
 * line that is taken for credentials, too. And as an answer to the CLI: whatever it is, what is shown moves
 * no cursor. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sm/cli.h"
#include "sm/credential_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct request *a, const struct request *b)
{
	CHECK(a->command == b->command && a->argument_count == b->argument_count);
	for (size_t i = 0; i < a->argument_count; i++)
		CHECK(str_eq(a->arguments[i], b->arguments[i]));
	for (size_t i = 0; i < b->option_count; i++) {
		const struct str *value = NULL;

		for (size_t k = 0; k < a->option_count; k++) {
			if (str_eq(a->options[k].name, b->options[i].name))
				value = &a->options[k].value;
		}
		CHECK(value && str_eq(*value, b->options[i].value));
	}
}

static void try_request(struct str line)
{
	struct buf store = {0}, again_store = {0}, why = {0}, written = {0};
	struct request r, again;
	struct str head, tail;

	if (request_parse(&r, line, &store, &why)) {
		CHECK(why.n == 0);
		request_write(&written, &r);
		CHECK(str_cut(buf_str(&written), '\n', &head, &tail) && tail.n == 0);
		CHECK(request_parse(&again, head, &again_store, &why));
		check_same(&r, &again);
	} else {
		CHECK(why.n > 0);
	}
	buf_free(&store);
	buf_free(&again_store);
	buf_free(&why);
	buf_free(&written);
}

static void try_credentials(struct str line)
{
	struct buf list = {0}, again = {0}, written = {0};
	struct credential c;

	if (credential_line_read(line, &list)) {
		struct str rest = buf_str(&list);

		while (credential_next(&rest, &c))
			credential_put(&again, c.kind, c.value);
		CHECK(rest.n == 0 && str_eq(buf_str(&again), buf_str(&list)));
		credential_line_write(&written, buf_str(&list));
		CHECK(str_eq(str_head(buf_str(&written), written.n - 1), line));
	}
	buf_free(&list);
	buf_free(&again);
	buf_free(&written);
}

static void try_answer(struct str bytes, unsigned columns)
{
	struct buf text = {0}, json = {0};
	bool shown = cli_show(&text, bytes, &(struct cli_form){.columns = columns});

	CHECK(cli_show(&json, bytes, &(struct cli_form){.json = true}) == shown);
	for (size_t i = 0; i < text.n; i++)
		CHECK((unsigned char)text.p[i] >= ' ' || text.p[i] == '\n');
	CHECK(str_utf8(buf_str(&json)));
	buf_free(&text);
	buf_free(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str first, second, rest, bytes = str_at(data, size);

	str_cut(bytes, '\n', &first, &rest);
	str_cut(rest, '\n', &second, &rest);
	try_request(first);
	try_credentials(second);
	try_answer(bytes, 0);
	try_answer(bytes, size % 200);
	return 0;
}
