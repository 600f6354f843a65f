/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ClientKeys that sm has accepted lately, so that a PLAIN login that is repeated costs no PBKDF2
 * (design.md 2.4). An entry is found by an HMAC, under a secret of this worker, of everything that
 * the key was derived from: no password is kept, and another password, salt or number of rounds is
 * another entry. Whether a key still proves anything is for sm to say, each time: nothing here goes
 * stale. Bounded, the one that was not used for longest goes first; wiped when it goes. */
#ifndef C2S_KEY_CACHE_H
#define C2S_KEY_CACHE_H

#include "c2s/sasl.h"

struct key_cache;

struct key_tag {
	uint8_t bytes[32];
};

struct key_cache *key_cache_new(void); /* with a new secret; keeps nothing until it may */
void key_cache_free(struct key_cache **k);
void key_cache_limit(struct key_cache *k, size_t most); /* entries; wipes those over it */

struct key_tag key_cache_tag(const struct key_cache *k, const struct sasl_work *work);
/* The key, hash_size bytes of the work's hash; it stays until the next call. Empty: unknown. */
struct str key_cache_get(struct key_cache *k, const struct key_tag *tag);
/* Only for a key that sm has accepted. */
void key_cache_put(struct key_cache *k, const struct key_tag *tag, struct str client_key);
size_t key_cache_count(const struct key_cache *k);

#endif
