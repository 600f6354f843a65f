/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See client_number.h. */
#include "sm/client_number.h"

#include "common/crypt.h"
#include "sm/store_account.h"

bool client_secret_read(const char *store_path, uint8_t secret[CLIENT_SECRET_BYTES],
	struct buf *why)
{
	struct db *d = db_open(store_path, DB_DURABLE, why);
	bool done = d && store_secret(d, "client", secret) == DB_OK;

	if (d && !done)
		buf_printf(why, "%s: %s", store_path, db_why(d));
	db_close(&d);
	return done;
}

uint64_t client_number(const uint8_t secret[CLIENT_SECRET_BYTES], struct str account, struct str id)
{
	uint8_t digest[HASH_MAX] = {0};
	struct buf in = {0};
	struct str rest = str_at(digest, sizeof digest);
	uint64_t number = 0;

	if (!id.n || id.n > CLIENT_ID_MOST)
		return 0;
	buf_put(&in, account);
	buf_putc(&in, 0);
	buf_put(&in, id);
	hmac_bytes(HASH_SHA256, str_at(secret, CLIENT_SECRET_BYTES), buf_str(&in), digest);
	buf_free(&in);
	return str_take_u64(&rest, &number) && number ? number : 1;
}

void client_number_put(struct buf *out, uint64_t number)
{
	buf_printf(out, "%016llx", (unsigned long long)number);
}
