/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A DIGEST-MD5 response's directives. What is read, written again with every value quoted, is read as the same. */
#include "c2s/directive.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char *const words[] = {
#define ROW(name, word) word,
	DIRECTIVES(ROW)
#undef ROW
};

static void write_again(struct buf *out, const struct directives *d)
{
	for (size_t i = 0; i < DIRECTIVE_COUNT; i++) {
		if (!d->has[i])
			continue;
		buf_printf(out, "%s%s=\"", out->n ? "," : "", words[i]);
		for (size_t k = 0; k < d->value[i].n; k++) {
			char c = d->value[i].p[k];

			CHECK((unsigned char)c >= ' ' && c != 0x7f);
			if (c == '"' || c == '\\')
				buf_putc(out, '\\');
			buf_putc(out, c);
		}
		buf_putc(out, '"');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct directives d = {0}, again = {0};
	struct buf text = {0};

	if (directives_read(&d, str_at(bytes, n))) {
		write_again(&text, &d);
		CHECK(directives_read(&again, buf_str(&text)));
		for (size_t i = 0; i < DIRECTIVE_COUNT; i++)
			CHECK(d.has[i] == again.has[i] && str_eq(d.value[i], again.value[i]));
	}
	directives_free(&d);
	directives_free(&again);
	buf_free(&text);
	return 0;
}
