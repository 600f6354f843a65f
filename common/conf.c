/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Loading: the file is read whole, scanned (conf_scan.h), parsed by libconfuse, whose only user
 * this is, and each setting read by its row (setting.h). */
#include "common/conf.h"

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/address.h"
#include "common/conf_scan.h"
#include "common/log_sink.h"
#include "common/network.h"
#include "common/prep.h"

#define FILE_MOST ((size_t)1 << 20)

/* One load under way. */
struct load {
	const char *path;
	struct conf *conf;
	struct conf_lines lines;
	struct buf *why;
};

/* libconfuse's error function has no argument of ours. */
static struct load *loading;

static void complain_at(const char *path, int line, struct buf *why)
{
	buf_clear(why);
	buf_printf(why, "%s:%d: ", path, line);
}

PRINTF_LIKE(2, 0) static void on_confuse_error(cfg_t *cfg, const char *format, va_list args)
{
	char what[400];

	if (loading->why->n > 0) /* the first complaint is the one that helps */
		return;
	vsnprintf(what, sizeof what, format, args);
	complain_at(loading->path, cfg->line, loading->why);
	for (char *c = what; *c; c++)
		buf_putc(loading->why, *c == '\n' ? ' ' : *c);
}

static bool read_file(const char *path, struct buf *text, struct buf *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : 1;

	while (got > 0 && text->n <= FILE_MOST) {
		got = read(fd, buf_room(text, 4096), 4096);
		if (got > 0)
			buf_grew(text, (size_t)got);
		else if (got < 0 && errno == EINTR)
			got = 1;
	}
	if (got < 0)
		buf_printf(why, "%s: cannot be read: %s", path, strerror(errno));
	else if (text->n > FILE_MOST)
		buf_printf(why, "%s: is longer than a configuration can be", path);
	if (fd >= 0)
		close(fd);
	return why->n == 0;
}

/* The folder of the file, absolute, so that a later chdir changes nothing; in `real`, which has
 * room for PATH_MAX. */
static bool find_folder(const char *path, char *real, struct str *folder, struct buf *why)
{
	if (!realpath(path, real)) {
		buf_printf(why, "%s: cannot be found: %s", path, strerror(errno));
		return false;
	}
	*folder = str_of(dirname(real));
	return true;
}

/* libconfuse's view of our rows: all are strings or lists of strings; what is in them is read by
 * setting_read. */
static cfg_opt_t *make_options(const struct setting *rows, size_t room, struct arena *memory)
{
	cfg_opt_t *options = arena_new(memory, room * sizeof *options);
	struct buf key = {0};
	size_t i;

	for (i = 0; rows[i].name; i++) {
		const char *name;

		buf_clear(&key);
		setting_key(&rows[i], &key);
		name = arena_copy(memory, buf_str(&key)).p;
		if (rows[i].type == SETTING_list)
			options[i] = (cfg_opt_t)CFG_STR_LIST(name, NULL, CFGF_NODEFAULT);
		else
			options[i] = (cfg_opt_t)CFG_STR(name, NULL, CFGF_NODEFAULT);
	}
	options[i] = (cfg_opt_t)CFG_END();
	buf_free(&key);
	return options;
}

static cfg_t *parse(struct load *l)
{
	struct arena *memory = l->conf->memory;
	cfg_opt_t *domain = make_options(setting_domain, SETTING_DOMAIN_COUNT + 1, memory);
	cfg_opt_t *options = make_options(setting_global, SETTING_GLOBAL_COUNT + 2, memory);
	cfg_t *cfg;

	options[SETTING_GLOBAL_COUNT] = (cfg_opt_t)CFG_SEC("domain", domain,
		CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	options[SETTING_GLOBAL_COUNT + 1] = (cfg_opt_t)CFG_END();
	cfg = cfg_init(options, CFGF_NONE);
	CHECK(cfg);
	cfg_set_error_function(cfg, on_confuse_error);
	loading = l;
	if (cfg_parse_buf(cfg, l->conf->text.p) == CFG_SUCCESS)
		return cfg;
	if (l->why->n == 0) {
		complain_at(l->path, cfg->line, l->why);
		buf_puts(l->why, "cannot be understood");
	}
	cfg_free(cfg);
	return NULL;
}

/* One setting, from the file if that has it (line != 0), else its default. */
static bool read_setting(struct load *l, const struct setting *s, cfg_opt_t *option, int line,
	void *to)
{
	size_t n = cfg_opt_size(option);
	const char **values;
	struct buf what = {0};
	bool good;

	if (line == 0) {
		setting_default(s, l->conf->memory, to);
		return true;
	}
	values = arena_new(l->conf->memory, (n + 1) * sizeof *values);
	for (size_t i = 0; i < n; i++)
		values[i] = cfg_opt_getnstr(option, (unsigned)i);
	good = setting_read(s, values, n, l->conf->folder, l->conf->memory, to, &what);
	if (!good) {
		complain_at(l->path, line, l->why);
		setting_key(s, l->why);
		buf_printf(l->why, " %s", buf_cstr(&what));
	}
	buf_free(&what);
	return good;
}

/* All settings of a section. make_options kept the rows' order, so option and row have one
 * index. */
static bool read_section(struct load *l, const struct setting *rows, cfg_t *section,
	const int *lines, void *base)
{
	for (size_t i = 0; rows[i].name; i++) {
		void *to = (char *)base + rows[i].at;

		memcpy((char *)base + rows[i].line_at, &lines[i], sizeof lines[i]);
		if (!read_setting(l, &rows[i], &section->opts[i], lines[i], to))
			return false;
	}
	return true;
}

static bool judge_networks(struct load *l, const char *key, struct conf_list list, int line)
{
	struct network a;

	for (size_t i = 0; i < list.n; i++) {
		if (network_parse(str_of(list.words[i]), &a))
			continue;
		complain_at(l->path, line, l->why);
		buf_printf(l->why, "%s must have addresses and networks, not \"%s\"", key,
			list.words[i]);
		return false;
	}
	return true;
}

static bool judge_network_lists(struct load *l)
{
	const struct conf *c = l->conf;

	return judge_networks(l, "auth-exempt", c->auth_exempt, c->line.auth_exempt) &&
		judge_networks(l, "proxy-from", c->proxy_from, c->line.proxy_from);
}

static bool read_domain(struct load *l, cfg_t *section, size_t index)
{
	struct conf_domain *d = &l->conf->domains[index];
	int line = l->lines.domains[index].title;
	struct buf name = {0};
	bool good = prep_domain(&name, str_of(cfg_title(section)));

	complain_at(l->path, line, l->why);
	if (!good)
		buf_printf(l->why, "\"%s\" is not a domain name", cfg_title(section));
	if (good && conf_domain(l->conf, buf_str(&name))) {
		buf_printf(l->why, "there is a domain \"%s\" already", buf_cstr(&name));
		good = false;
	}
	if (good) {
		buf_clear(l->why);
		d->name = arena_copy(l->conf->memory, buf_str(&name)).p;
		l->conf->domain_count++;
	}
	buf_free(&name);
	return good && read_section(l, setting_domain, section, l->lines.domains[index].row, d);
}

static bool read_domains(struct load *l, cfg_t *cfg)
{
	size_t n = cfg_size(cfg, "domain");

	if (n == 0 || n != l->lines.domain_count) {
		complain_at(l->path, cfg->line, l->why);
		buf_puts(l->why, "there must be at least one domain \"NAME\" { }");
		return false;
	}
	l->conf->domains = arena_new(l->conf->memory, n * sizeof *l->conf->domains);
	for (size_t i = 0; i < n; i++) {
		if (!read_domain(l, cfg_getnsec(cfg, "domain", (unsigned)i), i))
			return false;
	}
	return true;
}

static bool no_address(struct load *l, const char *key, int line, const char *words,
	const char *expected)
{
	complain_at(l->path, line, l->why);
	buf_printf(l->why, "%s: \"%s\": %s", key, words, expected);
	return false;
}

static bool judge_listen(struct load *l, const char *key, struct conf_list list, int line)
{
	for (size_t i = 0; i < list.n; i++)
		if (!address_is(list.words[i]))
			return no_address(l, key, line, list.words[i], ADDRESS_EXPECTED);
	return true;
}

static bool judge_metrics(struct load *l)
{
	const char *words = l->conf->metrics_listen;

	return !*words || address_is_single(words) ||
		no_address(l, "metrics-listen", l->conf->line.metrics_listen, words,
			ADDRESS_SINGLE_EXPECTED);
}

static bool judge_log(struct load *l)
{
	if (log_sink_is_place(l->conf->log))
		return true;
	complain_at(l->path, l->conf->line.log, l->why);
	buf_printf(l->why,
		"log must be stderr, syslog, syslog:SOCKET or an absolute path, not \"%s\"",
		l->conf->log);
	return false;
}

/* What a row alone cannot say of its value. */
static bool judge(struct load *l)
{
	const struct conf *c = l->conf;

	return judge_log(l) && judge_listen(l, "listen", c->listen, c->line.listen) &&
		judge_listen(l, "listen-tls", c->listen_tls, c->line.listen_tls) &&
		judge_metrics(l);
}

/* Once the domains are read. */
static bool judge_default_domain(struct load *l)
{
	struct buf name = {0};
	const struct conf_domain *d = NULL;
	const char *raw = l->conf->default_domain;

	if (!*raw)
		return true;
	if (prep_domain(&name, str_of(raw)))
		d = conf_domain(l->conf, buf_str(&name));
	buf_free(&name);
	if (d) {
		l->conf->default_domain = d->name;
		return true;
	}
	complain_at(l->path, l->conf->line.default_domain, l->why);
	buf_printf(l->why, "default-domain: there is no domain \"%s\" here", raw);
	return false;
}

/* XEP-0157 wants URIs: a scheme, a colon, something (RFC 3986 3.1). */
static bool is_uri(struct str s)
{
	size_t colon = str_find(s, ':');

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool other = i && ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.');

		if (i < colon ? !(letter || other) : (uint8_t)c <= ' ' || c == 0x7F)
			return false;
	}
	return colon > 0 && colon + 1 < s.n;
}

static bool judge_addresses(struct load *l, const char *key, struct conf_list list, int line)
{
	for (size_t i = 0; i < list.n; i++)
		if (!is_uri(str_of(list.words[i])))
			return no_address(l, key, line, list.words[i],
				"it must be a URI, as mailto:abuse@example.org");
	return true;
}

static bool judge_contacts(struct load *l)
{
	bool good = true;

	for (size_t i = 0; good && i < l->conf->domain_count; i++) {
		const struct conf_domain *d = &l->conf->domains[i];

#define CONTACT(role) \
	good = good && \
		judge_addresses(l, #role "-addresses", d->role##_addresses, \
			d->line.role##_addresses);
#include "common/contact.def"
#undef CONTACT
	}
	return good;
}

static bool load_text(struct load *l)
{
	struct buf what = {0};
	int line = 1;
	cfg_t *cfg = NULL;
	bool good = false;

	if (!str_utf8(l->conf->text))
		buf_puts(&what, "the file is not UTF-8");
	else if (conf_scan(l->conf->text, l->conf->memory, &l->lines, &line, &what))
		cfg = parse(l);
	if (what.n > 0) {
		complain_at(l->path, line, l->why);
		buf_put(l->why, buf_str(&what));
	}
	buf_free(&what);
	if (!cfg)
		return false;
	good = read_section(l, setting_global, cfg, l->lines.global, l->conf) && judge(l) &&
		read_domains(l, cfg) && judge_default_domain(l);
	cfg_free(cfg);
	return good && judge_network_lists(l) && judge_contacts(l);
}

struct conf *conf_parse(const char *path, struct str folder, struct str text, struct buf *why)
{
	struct conf *c = mem_new(sizeof *c);
	struct load l = {.conf = c, .why = why};

	buf_clear(why);
	c->memory = mem_new(sizeof *c->memory);
	c->path = l.path = arena_copy(c->memory, str_of(path)).p;
	c->folder = arena_copy(c->memory, folder);
	c->text = arena_copy(c->memory, text);
	if (!load_text(&l))
		conf_free(&c);
	loading = NULL;
	return c;
}

struct conf *conf_load(const char *path, struct buf *why)
{
	char real[PATH_MAX];
	struct str folder;
	struct buf text = {0};
	struct conf *c = NULL;

	buf_clear(why);
	if (read_file(path, &text, why) && find_folder(path, real, &folder, why))
		c = conf_parse(path, folder, buf_str(&text), why);
	buf_free(&text);
	return c;
}

void conf_free(struct conf **c)
{
	if (!*c)
		return;
	arena_end((*c)->memory);
	mem_free((*c)->memory);
	mem_free(*c);
	*c = NULL;
}

const struct conf_domain *conf_domain(const struct conf *c, struct str name)
{
	for (size_t i = 0; i < c->domain_count; i++) {
		if (str_is(name, c->domains[i].name))
			return &c->domains[i];
	}
	return NULL;
}

static bool check_file(const struct conf *c, const char *key, const char *file, int line,
	struct buf *why)
{
	int fd;

	if (!file[0])
		return true;
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0) {
		close(fd);
		return true;
	}
	complain_at(c->path, line, why);
	buf_printf(why, "%s %s cannot be read: %s", key, file, strerror(errno));
	return false;
}

/* A certificate and its key, wherever they stand. */
static bool check_pair(const struct conf *c, const char *certificate, int certificate_line,
	const char *key, int key_line, struct buf *why)
{
	if (!certificate[0] != !key[0]) {
		complain_at(c->path, certificate[0] ? certificate_line : key_line, why);
		buf_puts(why, "certificate and private-key need each other");
		return false;
	}
	return check_file(c, "certificate", certificate, certificate_line, why) &&
		check_file(c, "private-key", key, key_line, why);
}

bool conf_check_files(const struct conf *c, struct buf *why)
{
	for (size_t i = 0; i < c->domain_count; i++) {
		const struct conf_domain *d = &c->domains[i];

		if (!check_pair(c, d->certificate, d->line.certificate, d->private_key,
			    d->line.private_key, why))
			return false;
	}
	return check_pair(c, c->certificate, c->line.certificate, c->private_key,
		c->line.private_key, why);
}

bool conf_has_certificate(const struct conf *c)
{
	bool has = c->certificate[0] != 0;

	for (size_t i = 0; i < c->domain_count; i++)
		has = has || c->domains[i].certificate[0];
	return has;
}
