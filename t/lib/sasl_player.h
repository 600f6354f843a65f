/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The client's side of each mechanism, honest, or with one twist, for t/table/mechanisms.c and its kin.
 *
 * To add a mechanism: write its player here (or in a header of its own that is included at the end), which makes the
 * client's messages out of what the server said and obeys the twists that it knows of; then a ROW in
 * t/table/mechanisms.c. A mechanism of sasl_list without a row fails that test. */
#ifndef T_LIB_SASL_PLAYER_H
#define T_LIB_SASL_PLAYER_H

#include "c2s/features.h"
#include "common/b64.h"
#include "common/rand.h"
#include "t/lib/sasl_world.h"

/* What is done otherwise than by an honest client who is alice. The columns of t/table/mechanisms.c. */
#define TWISTS(X) \
	X(right) /* nothing */ \
	X(asked) /* no initial response: the server asks for it */ \
	X(wrong_password) \
	X(unknown)         /* an account that does not exist */ \
	X(disabled)        /* the right password of an account that is disabled */ \
	X(disabled_wrong)  /* and a wrong one */ \
	X(bare)            /* an account without credentials for the mechanism */ \
	X(own_authzid)     /* names alice herself */ \
	X(foreign_authzid) /* names somebody else */ \
	X(malformed_1)     /* garbage in place of the client's first message */ \
	X(malformed_2)     /* of its second */ \
	X(wrong_nonce)     /* the server's is not repeated */ \
	X(wrong_binding)   /* the data of another channel */ \
	X(replayed)        /* what a right exchange has said, once more */ \
	X(aborted_1)       /* <abort/> in place of the first message after <auth/> */ \
	X(aborted_2)       /* of the second */ \
	X(not_offered)     /* by the domain */

enum twist {
#define TWIST(name) TWIST_##name,
	TWISTS(TWIST)
#undef TWIST
		TWIST_COUNT
};

/* One attempt of a client. */
struct attempt {
	struct world *world;
	const char *mech;
	enum twist twist;
	const char *user, *password, *authzid; /* NULL: none */
	struct buf first_bare, gs2, signature; /* SCRAM's */
};

struct player {
	/* The client's message number `step`, from 1; `heard` is what the server said last. False: it has none. */
	bool (*speak)(struct attempt *a, unsigned step, struct str heard, struct buf *out);
	/* Is this what a server that knows the password says with its success? */
	bool (*believes)(const struct attempt *a, struct str data);
	bool takes_anything; /* what is cut or changed may succeed too: it proves nothing */
};

static inline void attempt_start(struct attempt *a, struct world *w, const char *mech, enum twist twist)
{
	static char certificate[32];
	bool wrong = twist == TWIST_wrong_password || twist == TWIST_disabled_wrong;

	*a = (struct attempt){.world = w, .mech = mech, .twist = twist};
	a->user = twist == TWIST_unknown                                   ? "nobod"
		: twist == TWIST_bare                                      ? "bare1"
		: twist == TWIST_disabled || twist == TWIST_disabled_wrong ? "dora1"
									   : "alice";
	snprintf(certificate, sizeof certificate, "%s@localhost", a->user);
	world_certificate = strcmp(mech, "EXTERNAL") ? NULL : certificate;
	a->password = wrong ? "pincel-\xc3\xa9" : WORLD_PASSWORD;
	a->authzid = twist == TWIST_own_authzid  ? "alice@localhost"
		: twist == TWIST_foreign_authzid ? "bob@localhost"
						 : NULL;
}

static inline void attempt_end(struct attempt *a)
{
	buf_free(&a->first_bare);
	buf_free(&a->gs2);
	buf_free(&a->signature);
}

static bool believes_silence(const struct attempt *a, struct str data)
{
	(void)a;
	return !data.n;
}

/* --- PLAIN ------------------------------------------------------------------------------------------------------- */

static bool plain_speak(struct attempt *a, unsigned step, struct str heard, struct buf *out)
{
	(void)heard;
	if (step > 1)
		return false;
	buf_puts(out, a->authzid ? a->authzid : "");
	buf_putc(out, '\0');
	buf_puts(out, a->user);
	buf_putc(out, '\0');
	buf_puts(out, a->password);
	return true;
}

static const struct player player_plain = {.speak = plain_speak, .believes = believes_silence};

/* --- SCRAM (RFC 5802) -------------------------------------------------------------------------------------------- */

static enum hash scram_hash(const struct attempt *a)
{
	return strstr(a->mech, "SHA-512") ? HASH_SHA512 : strstr(a->mech, "SHA-256") ? HASH_SHA256 : HASH_SHA1;
}

#define SCRAM_BINDING TLS_exporter

static void scram_speak_first(struct attempt *a, struct buf *out)
{
	uint8_t random[12];
	bool plus = str_ends(str_of(a->mech), STR("-PLUS"));

	rand_bytes(random, sizeof random);
	if (plus)
		buf_printf(&a->gs2, "p=%s,", binding_name(SCRAM_BINDING));
	else
		buf_puts(&a->gs2, "n,");
	if (a->authzid)
		buf_printf(&a->gs2, "a=%s", a->authzid);
	buf_putc(&a->gs2, ',');
	buf_printf(&a->first_bare, "n=%s,r=", a->user);
	b64_encode(&a->first_bare, str_at(random, sizeof random));
	buf_put(out, buf_str(&a->gs2));
	buf_put(out, buf_str(&a->first_bare));
}

/* c=, base64 of the gs2-header and the channel's data */
static void scram_bind(const struct attempt *a, struct buf *out)
{
	struct buf input = {0};

	buf_put(&input, buf_str(&a->gs2));
	if (a->gs2.p[0] == 'p') {
		struct sasl_channel channel;

		features_channel(&a->world->client, &channel);
		CHECK(channel.data(channel.of, SCRAM_BINDING, &input));
		sasl_channel_end(&channel);
	}
	if (a->twist == TWIST_wrong_binding)
		input.p[input.n - 1] ^= 1;
	b64_encode(out, buf_str(&input));
	buf_free(&input);
}

struct scram_challenge {
	struct str nonce;
	struct buf salt;
	uint64_t rounds;
};

static bool scram_read(struct str heard, struct scram_challenge *c)
{
	struct str field;

	*c = (struct scram_challenge){0};
	while (heard.n) {
		str_cut(heard, ',', &field, &heard);
		if (str_starts(field, STR("r=")))
			c->nonce = str_skip(field, 2);
		else if (str_starts(field, STR("s=")) && !b64_decode(&c->salt, str_skip(field, 2)))
			return false;
		else if (str_starts(field, STR("i=")) && !str_u64(str_skip(field, 2), &c->rounds))
			return false;
	}
	return c->nonce.n && c->salt.n && c->rounds && c->rounds <= UINT32_MAX;
}

/* Appends ",p=" and the proof to `out`, which has what stands before it; the server's signature goes to `a`. */
static void scram_prove(struct attempt *a, struct str heard, const struct scram_challenge *c, struct buf *out)
{
	enum hash hash = scram_hash(a);
	size_t n = hash_size(hash);
	uint8_t key[HASH_MAX], stored[HASH_MAX], proof[HASH_MAX];
	struct str salted = str_at(salted_password(hash, str_of(a->password), buf_str(&c->salt), (uint32_t)c->rounds),
		n);
	struct buf message = {0};

	buf_printf(&message, "%s,%.*s,%s", buf_cstr(&a->first_bare), STR_ARG(heard), buf_cstr(out));
	hmac_bytes(hash, salted, STR("Client Key"), key);
	hash_bytes(hash, str_at(key, n), stored);
	hmac_bytes(hash, str_at(stored, n), buf_str(&message), proof);
	for (size_t i = 0; i < n; i++)
		proof[i] ^= key[i];
	buf_puts(out, ",p=");
	b64_encode(out, str_at(proof, n));
	hmac_bytes(hash, salted, STR("Server Key"), key);
	hmac_bytes(hash, str_at(key, n), buf_str(&message), proof);
	buf_puts(&a->signature, "v=");
	b64_encode(&a->signature, str_at(proof, n));
	buf_free(&message);
}

static bool scram_speak(struct attempt *a, unsigned step, struct str heard, struct buf *out)
{
	struct scram_challenge c = {0};

	if (step == 1)
		scram_speak_first(a, out);
	if (step == 2 && scram_read(heard, &c)) {
		buf_puts(out, "c=");
		scram_bind(a, out);
		buf_printf(out, ",r=%.*s%s", STR_ARG(c.nonce), a->twist == TWIST_wrong_nonce ? "x" : "");
		scram_prove(a, heard, &c, out);
	}
	buf_free(&c.salt);
	return out->n;
}

static bool scram_believes(const struct attempt *a, struct str data)
{
	return str_eq(buf_str(&a->signature), data);
}

static const struct player player_scram = {.speak = scram_speak, .believes = scram_believes};

/* --- EXTERNAL (XEP-0178): the certificate is the user's; what is said chooses among its addresses ---------------- */

static bool external_speak(struct attempt *a, unsigned step, struct str heard, struct buf *out)
{
	(void)heard;
	buf_puts(out, a->authzid ? a->authzid : "");
	return step == 1;
}

static const struct player player_external = {.speak = external_speak, .believes = believes_silence};

#include "t/lib/sasl_player_historic.h"

#endif
