/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The configuration of both programs: typed settings from settings.def, read through libconfuse. A
 * struct conf is immutable once loaded; every string in it belongs to it. */
#ifndef COMMON_CONF_H
#define COMMON_CONF_H

#include "common/buf.h"

/* Choice sets: CHOICES_<set>(X) lists X(enumerator, "word"). */
/* clang-format off */
#define CHOICES_log_level(X) \
	X(CHOICE_ERROR, "error") \
	X(CHOICE_WARN, "warn") \
	X(CHOICE_NOTICE, "notice") \
	X(CHOICE_INFO, "info") \
	X(CHOICE_DEBUG, "debug")
#define CHOICES_plaintext(X) \
	X(PLAINTEXT_NO, "no") \
	X(PLAINTEXT_LOOPBACK, "loopback") \
	X(PLAINTEXT_YES, "yes")
#define CHOICES_conflict(X) \
	X(CONFLICT_SETRESOURCE, "setresource") \
	X(CONFLICT_CLOSEOLD, "closeold") \
	X(CONFLICT_CLOSENEW, "closenew") \
	X(CONFLICT_ACCEPTNEW, "acceptnew")
#define CHOICES_session_limit(X) \
	X(SESSION_LIMIT_CLOSEOLD, "closeold") \
	X(SESSION_LIMIT_CLOSENEW, "closenew")
#define CHOICES_compression(X) \
	X(COMPRESSION_OFF, "off") \
	X(COMPRESSION_AFTER_AUTH, "after-auth")
#define CHOICES_rspauth(X) \
	X(RSPAUTH_SUCCESS, "success") \
	X(RSPAUTH_CHALLENGE, "challenge")
#define CHOICES_registration(X) \
	X(REGISTRATION_CLOSED, "closed") \
	X(REGISTRATION_OPEN, "open")
/* clang-format on */
#define CONF_CHOICE(enumerator, word) enumerator,
enum log_level_choice { CHOICES_log_level(CONF_CHOICE) };
enum plaintext_choice { CHOICES_plaintext(CONF_CHOICE) };
enum conflict_choice { CHOICES_conflict(CONF_CHOICE) };
enum session_limit_choice { CHOICES_session_limit(CONF_CHOICE) };
enum compression_choice { CHOICES_compression(CONF_CHOICE) };
enum rspauth_choice { CHOICES_rspauth(CONF_CHOICE) };
enum registration_choice { CHOICES_registration(CONF_CHOICE) };
#undef CONF_CHOICE

struct conf_list {
	const char **words;
	size_t n;
};

#define CONF_TYPE_number int64_t
#define CONF_TYPE_size int64_t
#define CONF_TYPE_time int64_t /* seconds */
#define CONF_TYPE_flag bool
#define CONF_TYPE_text const char *
#define CONF_TYPE_path const char * /* absolute once loaded; empty: none */
#define CONF_TYPE_list struct conf_list
#define CONF_TYPE_choice int

/* The rows stand in the order in which people read them. */
struct conf_domain { /* NOLINT(clang-analyzer-optin.performance.Padding) */
	const char *name; /* prepared (prep_domain) */
#define SETTING(name, type, initial, low, high, when, help)
#define DOMAIN_SETTING(name, type, initial, low, high, when, help) CONF_TYPE_##type name;
#include "common/settings.def"
#undef SETTING
#undef DOMAIN_SETTING
	struct { /* as in struct conf */
#define SETTING(name, type, initial, low, high, when, help)
#define DOMAIN_SETTING(name, type, initial, low, high, when, help) int name;
#include "common/settings.def"
#undef SETTING
#undef DOMAIN_SETTING
	} line;
};

struct conf {
#define SETTING(name, type, initial, low, high, when, help) CONF_TYPE_##type name;
#define DOMAIN_SETTING(name, type, initial, low, high, when, help)
#include "common/settings.def"
#undef SETTING
#undef DOMAIN_SETTING
	struct conf_domain *domains; /* at least one, in the order of the file */
	size_t domain_count;
	const char *path;  /* as conf_load was given it */
	struct str folder; /* that the file is in, absolute */
	struct str text;   /* the file's bytes */
	/* The line of the file that each top-level setting stands on; 0: it has its default. */
	struct {
#define SETTING(name, type, initial, low, high, when, help) int name;
#define DOMAIN_SETTING(name, type, initial, low, high, when, help)
#include "common/settings.def"
#undef SETTING
#undef DOMAIN_SETTING
	} line;
	struct arena *memory; /* everything above lives here */
};

/* The most that a setting can be: what an older configuration that is still in use somewhere may
 * allow. */
enum {
#define SETTING(name, type, initial, low, high, when, help) CONF_MOST_##name = high,
#define DOMAIN_SETTING(name, type, initial, low, high, when, help)
#include "common/settings.def"
#undef SETTING
#undef DOMAIN_SETTING
};

/* Reads and checks `path`. NULL: not usable, and `why` says so in one line, `FILE:LINE: what`
 * (without newline; no LINE when the file itself cannot be read). Relative paths in the file are
 * relative to the folder that the file is in. There is no ${ENVIRONMENT} in values, and no += :
 * both are refused. Not for two threads at once (libconfuse's lexer is one). Free with
 * conf_free. */
MUST_CHECK struct conf *conf_load(const char *path, struct buf *why);
/* The same from bytes that conf_load has read somewhere else: opens nothing. */
MUST_CHECK struct conf *conf_parse(const char *path, struct str folder, struct str text,
	struct buf *why);
void conf_free(struct conf **c);
/* Can this process read the certificates and the private keys, and does none of the two come
 * without the other? Apart from conf_load, because sm reads the same file and need not be able to.
 * False: `why` says so as above. */
MUST_CHECK bool conf_check_files(const struct conf *c, struct buf *why);
const struct conf_domain *conf_domain(const struct conf *c, struct str name); /* NULL: not ours */
bool conf_has_certificate(const struct conf *c); /* one at least, at the top level or of a domain */
/* the commented file that --defaults prints; loading it gives the defaults */
void conf_defaults(struct buf *out);

#endif
