/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The line of verifiers. */
#include "sm/verifier_line.h"

#include <string.h>

#include "common/b64.h"

static const enum hash hashes[] = {
#define ROW(hash, setting) hash,
	VERIFIER_HASHES(ROW)
#undef ROW
};
_Static_assert(COUNT(hashes) == VERIFIER_COUNT, "one row of VERIFIER_HASHES for each");

void verifier_line_write(struct buf *out, const struct verifier *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "%s%d:%u:", i ? " " : "", (int)v[i].hash,
			(unsigned)v[i].iterations);
		b64_encode(out, str_at(v[i].salt, sizeof v[i].salt));
		buf_putc(out, ':');
		b64_encode(out, str_at(v[i].stored_key, hash_size(v[i].hash)));
		buf_putc(out, ':');
		b64_encode(out, str_at(v[i].server_key, hash_size(v[i].hash)));
	}
	buf_putc(out, '\n');
}

static bool take_number(struct str *s, uint64_t *out)
{
	struct str head;

	return str_cut(*s, ':', &head, s) && str_u64(head, out) && *out <= UINT32_MAX;
}

static bool take_bytes(struct str *s, uint8_t *out, size_t n)
{
	struct buf bytes = {0};
	struct str head;
	bool fits;

	str_cut(*s, ':', &head, s);
	fits = b64_decode(&bytes, head) && bytes.n == n;
	if (fits)
		memcpy(out, bytes.p, n);
	buf_wipe(&bytes);
	return fits;
}

static bool read_one(struct str word, struct verifier *v)
{
	uint64_t hash, iterations;
	bool known = false;

	if (!take_number(&word, &hash) || !take_number(&word, &iterations) || iterations == 0)
		return false;
	for (size_t i = 0; i < COUNT(hashes); i++)
		known = known || hash == (uint64_t)hashes[i];
	if (!known)
		return false;
	*v = (struct verifier){.hash = (enum hash)hash, .iterations = (uint32_t)iterations};
	return take_bytes(&word, v->salt, sizeof v->salt) &&
		take_bytes(&word, v->stored_key, hash_size(v->hash)) &&
		take_bytes(&word, v->server_key, hash_size(v->hash)) && word.n == 0;
}

bool verifier_line_read(struct str line, struct verifier out[VERIFIER_COUNT])
{
	for (size_t i = 0; i < VERIFIER_COUNT; i++) {
		struct str word;
		bool more = str_cut(line, ' ', &word, &line);

		if (more != (i + 1 < VERIFIER_COUNT) || !read_one(word, &out[i]))
			return false;
		for (size_t k = 0; k < i; k++) {
			if (out[k].hash == out[i].hash)
				return false;
		}
	}
	return true;
}
