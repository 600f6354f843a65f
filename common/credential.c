/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See credential.h. */
#include "common/credential.h"

#include "common/digest_md5.h"
#include "common/latin1.h"
#include "common/rand.h"

#include <string.h>

/* What a maker is given. */
struct recipe {
	enum credential_kind kind;
	const struct credential_rules *rules;
	struct str account, password;
};

static void credential_make_verifier(struct buf *list, const struct recipe *r)
{
	struct verifier v;
	enum hash hash = (enum hash)r->kind;

	verifier_make(&v, hash, r->password, r->rules->rounds[hash]);
	credential_put_verifier(list, &v);
	mem_wipe(&v, sizeof v);
}

/* RFC 2831 2.1.2.1: each of them by itself is hashed in ISO 8859-1 where it can be. Clients that
 * hash UTF-8 whatever it is are no rarer. */
static bool as_latin1(struct buf *out, struct str utf8)
{
	if (latin1_from_utf8(out, utf8))
		return !str_eq(buf_str(out), utf8);
	buf_put(out, utf8);
	return false;
}

static void credential_make_digest_md5(struct buf *list, const struct recipe *r)
{
	struct buf value = {0}, user = {0}, realm = {0}, password = {0};
	uint8_t secret[DIGEST_MD5_BYTES];
	struct str local, domain;
	bool other;

	str_cut(r->account, '@', &local, &domain);
	digest_md5_secret(local, domain, r->password, secret);
	buf_add(&value, secret, sizeof secret);
	other = as_latin1(&user, local);
	other = as_latin1(&realm, domain) || other;
	other = as_latin1(&password, r->password) || other;
	if (other) {
		digest_md5_secret(buf_str(&user), buf_str(&realm), buf_str(&password), secret);
		buf_add(&value, secret, sizeof secret);
	}
	credential_put(list, r->kind, buf_str(&value));
	mem_wipe(secret, sizeof secret);
	buf_wipe(&value);
	buf_wipe(&password);
	buf_free(&user);
	buf_free(&realm);
}

static void credential_make_cram_md5(struct buf *list, const struct recipe *r)
{
	uint8_t state[HMAC_MD5_STATE];

	hmac_md5_state(r->password, state);
	credential_put(list, r->kind, str_at(state, sizeof state));
	mem_wipe(state, sizeof state);
}

static const struct row {
	enum credential_kind kind;
	const char *mechanism;
	void (*make)(struct buf *list, const struct recipe *r);
	size_t shortest, longest;
} rows[] = {
#define CREDENTIAL(kind, name, mechanism, make, shortest, longest, meaning) \
	{CREDENTIAL_##name, mechanism, credential_make_##make, shortest, longest},
#include "common/credential.def"
#undef CREDENTIAL
};

static const struct row *row_of(unsigned kind)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if ((unsigned)rows[i].kind == kind)
			return &rows[i];
	}
	return NULL;
}

/* Alone, or as the one that binds to the channel and leans on the same. */
static bool lists(const struct conf_domain *domain, const char *mechanism)
{
	size_t n = strlen(mechanism);

	for (size_t i = 0; i < domain->mechanisms.n; i++) {
		const char *word = domain->mechanisms.words[i];

		if (strncmp(word, mechanism, n) == 0 &&
			(!word[n] || strcmp(word + n, "-PLUS") == 0))
			return true;
	}
	return false;
}

void credential_rules(struct credential_rules *out, const struct conf *conf,
	const struct conf_domain *domain)
{
	*out = (struct credential_rules){0};
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (!*rows[i].mechanism || lists(domain, rows[i].mechanism))
			out->kinds |= CREDENTIAL_BIT(rows[i].kind);
	}
#define ROW(hash, setting) out->rounds[hash] = (uint32_t)conf->setting;
	VERIFIER_HASHES(ROW)
#undef ROW
}

uint32_t credential_always(void)
{
	uint32_t kinds = 0;

	for (size_t i = 0; i < COUNT(rows); i++)
		kinds |= *rows[i].mechanism ? 0 : CREDENTIAL_BIT(rows[i].kind);
	return kinds;
}

void credential_make(struct buf *list, const struct credential_rules *rules, struct str account,
	struct str password)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct recipe r = {rows[i].kind, rules, account, password};

		if (rules->kinds & CREDENTIAL_BIT(rows[i].kind))
			rows[i].make(list, &r);
	}
}

void credential_put(struct buf *list, enum credential_kind kind, struct str value)
{
	buf_u8(list, (uint8_t)kind);
	buf_u32(list, (uint32_t)value.n);
	buf_put(list, value);
}

bool credential_next(struct str *list, struct credential *out)
{
	struct str rest = *list;
	const struct row *row;
	uint8_t kind;
	uint32_t n;

	if (!str_take_u8(&rest, &kind) || !str_take_u32(&rest, &n) ||
		!str_take_bytes(&rest, n, &out->value))
		return false;
	row = row_of(kind);
	if (!row || n < row->shortest || n > row->longest)
		return false;
	out->kind = row->kind;
	*list = rest;
	return true;
}

bool credential_list_ok(struct str list, uint32_t needed)
{
	struct credential c;
	struct verifier v;
	uint32_t seen = 0;

	while (credential_next(&list, &c)) {
		bool is_verifier = (unsigned)c.kind <= HASH_SHA512;

		if ((seen & CREDENTIAL_BIT(c.kind)) ||
			(is_verifier && !credential_verifier(&c, &v)))
			return false;
		seen |= CREDENTIAL_BIT(c.kind);
	}
	mem_wipe(&v, sizeof v);
	return list.n == 0 && (seen & needed) == needed;
}

void verifier_of_salted(struct verifier *v, enum hash hash, const uint8_t *salted)
{
	uint8_t client_key[HASH_MAX];
	size_t n = hash_size(hash);

	v->hash = hash;
	hmac_bytes(hash, str_at(salted, n), STR("Client Key"), client_key);
	hash_bytes(hash, str_at(client_key, n), v->stored_key);
	hmac_bytes(hash, str_at(salted, n), STR("Server Key"), v->server_key);
	mem_wipe(client_key, sizeof client_key);
}

void verifier_make(struct verifier *v, enum hash hash, struct str password, uint32_t iterations)
{
	uint8_t salted[HASH_MAX];

	*v = (struct verifier){.hash = hash, .iterations = iterations};
	rand_bytes(v->salt, sizeof v->salt);
	pbkdf2(hash, password, str_at(v->salt, sizeof v->salt), iterations, salted);
	verifier_of_salted(v, hash, salted);
	mem_wipe(salted, sizeof salted);
}

void credential_put_verifier(struct buf *list, const struct verifier *v)
{
	size_t n = hash_size(v->hash);

	buf_u8(list, (uint8_t)v->hash);
	buf_u32(list, (uint32_t)VERIFIER_BYTES(n));
	buf_u32(list, v->iterations);
	buf_add(list, v->salt, sizeof v->salt);
	buf_add(list, v->stored_key, n);
	buf_add(list, v->server_key, n);
}

bool credential_verifier(const struct credential *c, struct verifier *out)
{
	struct str rest = c->value, salt, stored, server;
	size_t n;

	*out = (struct verifier){0};
	if ((unsigned)c->kind > HASH_SHA512)
		return false;
	n = hash_size((enum hash)c->kind);
	if (rest.n != VERIFIER_BYTES(n) || !str_take_u32(&rest, &out->iterations) ||
		!out->iterations || !str_take_bytes(&rest, sizeof out->salt, &salt) ||
		!str_take_bytes(&rest, n, &stored) || !str_take_bytes(&rest, n, &server))
		return false;
	out->hash = (enum hash)c->kind;
	memcpy(out->salt, salt.p, salt.n);
	memcpy(out->stored_key, stored.p, n);
	memcpy(out->server_key, server.p, n);
	return true;
}
