/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Clients and their tokens (FAST, XEP-0484) in store.db. A client, known by the id of its
 * user-agent, has two tokens at most: the one it uses, and a newer one that it may not have got
 * yet. A token is kept as it is, not as a hash of itself: to check an HMAC made with it, and to
 * make ours, it is needed. So store.db is as secret as the tokens, and they
 * end: by themselves, when a newer one is used, when the password changes or the account is
 * disabled (triggers of the schema, so that nobody forgets it). For a desk's thread, inside a
 * transaction. */
#ifndef SM_STORE_CLIENT_H
#define SM_STORE_CLIENT_H

#include "sm/db.h"

#define TOKEN_TEXT 64      /* characters: 256 random bits in hex */
#define TOKEN_MECHANISM 32 /* room for a mechanism's name, NUL included */

enum token_slot { TOKEN_CURRENT, TOKEN_NEW, TOKEN_SLOTS }; /* as XEP-0484 6.1 names them */

struct token {
	char text[TOKEN_TEXT];
	char mechanism[TOKEN_MECHANISM]; /* the only one that it may be used with */
	int64_t made, expiry;            /* wall clock, seconds */
	int64_t count;                   /* the highest that came with it (XEP-0484 3.4) */
};

struct client_tokens {
	bool has[TOKEN_SLOTS];
	struct token token[TOKEN_SLOTS];
	int64_t last_seen;
	bool disabled; /* the account is */
};

/* One that is not there has none. */
MUST_CHECK enum db_result store_client_tokens(struct db *d, struct str account, struct str client,
	struct client_tokens *out);

struct token_use {
	enum token_slot slot;
	int64_t count; /* 0: none came */
	bool invalidate;
	int64_t now;
};
/* The token was used: it is the current one from here on, older ones are no more; invalidated, the
 * client has none at all. *fits: it is still there, and its count was lower. */
MUST_CHECK enum db_result store_client_use(struct db *d, struct str account, struct str client,
	const struct token *t, const struct token_use *use, bool *fits);

struct client_row {
	struct str id, software, device;
	int64_t first_seen, last_seen;
	struct str mechanism; /* of its newest token */
	int64_t expiry;
};
/* Makes `t` the client's new token. What has expired long ago goes, whoever's it was, and over
 * `most` clients of the account the one that was away longest. DB_CONSTRAINT: no such account. */
MUST_CHECK enum db_result store_client_issue(struct db *d, struct str account,
	const struct client_row *client, const struct token *t, unsigned most);
/* Those of the account that have a token, by id. */
MUST_CHECK enum db_result store_client_each(struct db *d, struct str account,
	void (*each)(void *ctx, const struct client_row *c), void *ctx);
MUST_CHECK enum db_result store_client_remove(struct db *d, struct str account, struct str client,
	bool *found);

#endif
