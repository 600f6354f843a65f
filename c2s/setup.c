/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See setup.h. Packed, it is a row of byte strings, each behind its length: path, folder and text
 * of the file; then for each identity its domain, certificate, key and client-ca. */
#include "c2s/setup.h"
#include "c2s/sealed.h"
#include "c2s/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PEM_MOST (1024 * 1024)

/* reading */

static bool read_file(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd < 0)
		return false;
	do {
		n = read(fd, buf_room(out, 8192), 8192);
		if (n > 0)
			buf_grew(out, (size_t)n);
	} while ((n > 0 && out->n < PEM_MOST) || (n < 0 && errno == EINTR));
	close(fd);
	if (n > 0)
		errno = EFBIG;
	return n == 0;
}

/* In a child of its own. What it writes: "+SECONDS", the end of the certificate, or what is
 * wrong. */
static noreturn void try_pair(const struct identity *i, int result)
{
	struct buf words = {0};
	struct tls_ctx *ctx = tls_ctx_new(buf_str(&i->certificate), buf_str(&i->key), NULL, &words);
	ssize_t n;

	if (ctx && i->client_ca.n && !tls_ctx_ask(ctx, STR("-"), buf_str(&i->client_ca), &words))
		ctx = NULL;
	if (ctx)
		buf_printf(&words, "+%lld", (long long)tls_expiry(buf_str(&i->certificate)));
	n = write(result, words.p, words.n);
	_exit(n == (ssize_t)words.n ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void take_words(int from, pid_t child, struct buf *words)
{
	ssize_t n;

	do {
		n = read(from, buf_room(words, 512), 512);
		if (n > 0)
			buf_grew(words, (size_t)n);
	} while (n > 0 || (n < 0 && errno == EINTR));
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		continue;
}

/* False: `why` is what the library says about the two. */
static bool pair_works(struct identity *i, struct buf *why)
{
	struct buf words = {0};
	uint64_t expires = 0;
	int pipes[2];
	pid_t child;
	bool good;

	if (pipe2(pipes, O_CLOEXEC) != 0 || (child = fork()) < 0) {
		buf_puts(why, strerror(errno));
		return false;
	}
	if (child == 0)
		try_pair(i, pipes[1]);
	close(pipes[1]);
	take_words(pipes[0], child, &words);
	close(pipes[0]);
	good = str_starts(buf_str(&words), STR("+"));
	if (good && str_u64(str_skip(buf_str(&words), 1), &expires))
		i->expires = (int64_t)expires;
	if (!good)
		buf_puts(why, words.n ? buf_cstr(&words) : "the TLS library failed at reading it");
	buf_free(&words);
	return good;
}

static bool read_part(const struct conf *c, const char *setting, int line, const char *path,
	struct buf *out, struct buf *why)
{
	if (read_file(path, out))
		return true;
	buf_printf(why, "%s:%d: %s: %s: %s", c->path, line, setting, path, strerror(errno));
	return false;
}

static bool read_pair(struct setup *s, const char *domain, const char *certificate,
	int certificate_line, const char *key, int key_line, struct buf *why)
{
	struct identity *i = &s->identities[s->count];
	struct buf cause = {0};
	bool good;

	if (!*certificate)
		return true;
	s->count++;
	i->domain = domain;
	if (!read_part(s->conf, "certificate", certificate_line, certificate, &i->certificate,
		    why) ||
		!read_part(s->conf, "private-key", key_line, key, &i->key, why))
		return false;
	good = pair_works(i, &cause);
	if (!good)
		buf_printf(why, "%s:%d: certificate: %s: %s", s->conf->path, certificate_line,
			certificate, buf_cstr(&cause));
	buf_free(&cause);
	return good;
}

/* A domain that asks for certificates has an identity of its own, if only with the certificate that
 * it would have been served with. */
static bool read_client_ca(struct setup *s, const struct conf_domain *d, struct buf *why)
{
	struct identity *i = s->count ? &s->identities[s->count - 1] : NULL;
	struct buf cause = {0};
	bool good;

	if (!*d->client_ca)
		return true;
	if (!i) {
		buf_printf(why, "%s:%d: client-ca: there is no certificate of ours", s->conf->path,
			d->line.client_ca);
		return false;
	}
	if (i->domain != d->name) {
		i = &s->identities[s->count++];
		i->domain = d->name;
		buf_put(&i->certificate, buf_str(&s->identities[0].certificate));
		buf_put(&i->key, buf_str(&s->identities[0].key));
	}
	if (!read_part(s->conf, "client-ca", d->line.client_ca, d->client_ca, &i->client_ca, why))
		return false;
	good = i->client_ca.n && pair_works(i, &cause);
	if (!good)
		buf_printf(why, "%s:%d: client-ca: %s: %s", s->conf->path, d->line.client_ca,
			d->client_ca, cause.n ? buf_cstr(&cause) : "it is empty");
	buf_free(&cause);
	return good;
}

static bool read_pairs(struct setup *s, struct buf *why)
{
	const struct conf *c = s->conf;
	bool good = conf_check_files(c, why);

	s->identities = mem_new((c->domain_count + 1) * sizeof *s->identities);
	good = good &&
		read_pair(s, NULL, c->certificate, c->line.certificate, c->private_key,
			c->line.private_key, why);
	for (size_t i = 0; good && i < c->domain_count; i++) {
		const struct conf_domain *d = &c->domains[i];

		good = read_pair(s, d->name, d->certificate, d->line.certificate, d->private_key,
			       d->line.private_key, why) &&
			read_client_ca(s, d, why);
	}
	return good;
}

struct setup *setup_load(const char *path, struct buf *why)
{
	struct setup *s = mem_new(sizeof *s);

	s->conf = conf_load(path, why);
	if (!s->conf || !read_pairs(s, why))
		setup_free(&s);
	return s;
}

void setup_free(struct setup **s)
{
	struct setup *old = *s;

	*s = NULL;
	if (!old)
		return;
	for (size_t i = 0; i < old->count; i++) {
		buf_free(&old->identities[i].certificate);
		buf_wipe(&old->identities[i].key);
		buf_free(&old->identities[i].client_ca);
	}
	mem_free(old->identities);
	conf_free(&old->conf);
	mem_free(old);
}

/* comparing */

static bool same_name(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static const struct identity *find(const struct setup *s, const char *domain)
{
	for (size_t i = 0; i < s->count; i++)
		if (same_name(s->identities[i].domain, domain))
			return &s->identities[i];
	return NULL;
}

void setup_compare(struct conf_change *c, const struct setup *now, const struct setup *next)
{
	struct buf what = {0};

	for (size_t i = 0; i < next->count; i++) {
		const struct identity *is = &next->identities[i], *was = find(now, is->domain);

		if (was && str_eq(buf_str(&was->certificate), buf_str(&is->certificate)) &&
			str_eq(buf_str(&was->key), buf_str(&is->key)) &&
			str_eq(buf_str(&was->client_ca), buf_str(&is->client_ca)))
			continue;
		buf_clear(&what);
		if (is->domain)
			buf_printf(&what, "domain \"%s\": ", is->domain);
		buf_puts(&what, "another certificate");
		conf_change_add(&c->fresh, buf_cstr(&what));
	}
	buf_free(&what);
}

void setup_expiries(const struct setup *s, struct buf *out)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct identity *one = &s->identities[i];

		buf_printf(out, "%lld %s\n", (long long)one->expires,
			one->domain ? one->domain : "*");
	}
}

/* packing */

static void pack(struct buf *out, struct str bytes)
{
	buf_u32(out, (uint32_t)bytes.n);
	buf_put(out, bytes);
}

static bool unpack(struct str *from, struct str *bytes)
{
	uint32_t n;

	return str_take_u32(from, &n) && str_take_bytes(from, n, bytes);
}

static void pack_all(const struct setup *s, struct buf *out)
{
	pack(out, str_of(s->conf->path));
	pack(out, s->conf->folder);
	pack(out, s->conf->text);
	for (size_t i = 0; i < s->count; i++) {
		pack(out, str_of(s->identities[i].domain));
		pack(out, buf_str(&s->identities[i].certificate));
		pack(out, buf_str(&s->identities[i].key));
		pack(out, buf_str(&s->identities[i].client_ca));
	}
}

int setup_seal(const struct setup *s)
{
	struct buf packed = {0};
	int fd;

	pack_all(s, &packed);
	fd = sealed_make("gatehouse-setup", buf_str(&packed));
	buf_wipe(&packed);
	return fd;
}

static bool unpack_identity(struct setup *s, struct str *packed)
{
	struct str domain, certificate, key, client_ca;
	struct identity *i = &s->identities[s->count];
	const struct conf_domain *d;

	if (!unpack(packed, &domain) || !unpack(packed, &certificate) || !unpack(packed, &key) ||
		!unpack(packed, &client_ca) || s->count > s->conf->domain_count)
		return false;
	d = domain.n ? conf_domain(s->conf, domain) : NULL;
	if (domain.n && !d)
		return false;
	s->count++;
	i->domain = d ? d->name : NULL;
	buf_put(&i->certificate, certificate);
	buf_put(&i->key, key);
	buf_put(&i->client_ca, client_ca);
	return true;
}

/* What the file says was found good by the parent; so here it is too. */
static struct setup *unpack_all(struct str packed, struct buf *why)
{
	struct setup *s = mem_new(sizeof *s);
	struct str path, folder, text;
	struct buf name = {0};
	bool good = unpack(&packed, &path) && unpack(&packed, &folder) && unpack(&packed, &text);

	if (good) {
		buf_put(&name, path);
		s->conf = conf_parse(buf_cstr(&name), folder, text, why);
		buf_free(&name);
		good = s->conf != NULL;
	}
	if (good)
		s->identities = mem_new((s->conf->domain_count + 1) * sizeof *s->identities);
	while (good && packed.n)
		good = unpack_identity(s, &packed);
	if (good)
		return s;
	if (!why->n)
		buf_puts(why, "what the parent passed cannot be read");
	setup_free(&s);
	return NULL;
}

struct setup *setup_unseal(int fd, struct buf *why)
{
	struct setup *s;
	struct str packed;

	if (!sealed_open(fd, &packed)) {
		buf_printf(why, "what the parent passed cannot be mapped: %s", strerror(errno));
		return NULL;
	}
	s = unpack_all(packed, why);
	sealed_close(&packed);
	return s;
}
