/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See subscribe.h. A side is one account and what its roster has of the other. */
#include "sm/subscribe_work.h"

#include "sm/roster_act.h"
#include "sm/store_account.h"
#include "sm/store_block.h"

#include <time.h>

#define EPOCH_SECONDS 1577836800 /* 2020-01-01 */

enum db_result side_read(struct db *d, struct side *s, struct str account, struct str other)
{
	enum db_result r;
	bool found = false;

	s->account = account;
	r = store_roster_version(d, account, &s->version, &s->exists);
	if (r == DB_OK && s->exists)
		r = store_block_denies(d, account, other, &s->deaf);
	if (r == DB_OK && s->exists)
		r = store_roster_get(d, account, other, &s->row, &s->keep, &found);
	if (!found)
		s->row = (struct roster_row){.contact = other};
	s->was = s->row;
	return r;
}

enum db_result pair_read(struct pair *p, struct str user, struct str contact)
{
	enum db_result r = side_read(p->d, &p->user, user, contact);

	if (r == DB_OK && !p->user.exists)
		return DB_CONSTRAINT;
	return r == DB_OK ? side_read(p->d, &p->contact, contact, user) : r;
}

void pair_end(struct pair *p)
{
	struct side *const sides[] = {&p->user, &p->contact};

	for (size_t i = 0; i < COUNT(sides); i++) {
		buf_free(&sides[i]->keep);
		buf_free(&sides[i]->shared);
		buf_free(&sides[i]->arrives);
	}
	buf_free(&p->scratch);
	buf_free(&p->request);
}

/* --- stanzas --------------------------------------------------------------------------------- */

/* One of the server's own, from and to bare JIDs. */
static struct str plain(struct pair *p, enum stanza_type type, struct str from, struct str to)
{
	struct emit e = emit_to(&p->scratch);

	buf_clear(&p->scratch);
	emit_start(&e, "presence");
	emit_attr(&e, "type", str_of(stanza_type_word(type)));
	emit_attr(&e, "from", from);
	emit_attr(&e, "to", to);
	emit_end(&e);
	return buf_str(&p->scratch);
}

/* The client's, from and to bare (3.1.2, 3.1.5, 3.2.1, 3.3.1). */
static struct str stamped(struct pair *p, const struct stanza *s)
{
	buf_clear(&p->scratch);
	stanza_stamp(&p->scratch, s, p->user.account, p->contact.account);
	return buf_str(&p->scratch);
}

/* It comes in at a side: what the client's own stanza is worth there, or one that the server says
 * for the other side. */
static struct sub_step arrive(struct side *to, enum stanza_type type, struct str xml)
{
	struct sub_step step = subscription_received(type, to->row.state);

	to->row.state = step.after;
	if (step.passes && !to->deaf)
		act_deliver(&to->arrives, to->account,
			type == TYPE_SUBSCRIBE ? ACT_AVAILABLE : ACT_INTERESTED, xml);
	return step;
}

/* --- writing --------------------------------------------------------------------------------- */

static bool is_same(const struct roster_row *a, const struct roster_row *b, unsigned bits)
{
	return ((a->state ^ b->state) & bits) == 0 && str_eq(a->name, b->name) &&
		str_eq(a->groups, b->groups) && str_eq(a->shared, b->shared);
}

/* Would a client see the difference? */
static bool is_news(const struct side *s)
{
	if (!((s->row.state | s->was.state) & SUB_LISTED))
		return false;
	return !is_same(&s->row, &s->was, SUB_LISTED | SUB_TO | SUB_FROM | SUB_OUT | SUB_APPROVED);
}

/* A client that knows a version knows all up to it (2.6): each change has one that is newer than
 * all before it in this roster, whoever made it first and whatever the clock says. */
static uint64_t next_version(struct side *s, uint64_t version)
{
	s->version = version > s->version ? version : s->version + 1;
	return s->version;
}

/* `asked`: the account's own client wants it so, and is told, changed or not. */
enum db_result side_write(struct pair *p, struct side *s, bool asked, struct buf *acts)
{
	if (!s->exists ||
		(!asked && is_same(&s->row, &s->was, UINT32_MAX) &&
			str_eq(s->row.request, s->was.request)))
		return DB_OK;
	if (!(s->row.state & SUB_IN))
		s->row.request = STR_NONE;
	s->row.version = next_version(s, p->version);
	act_row(acts, s->account, &s->row, asked || is_news(s));
	return store_roster_put(p->d, s->account, &s->row);
}

static bool lost(const struct side *s, unsigned bit)
{
	return s->was.state & ~s->row.state & bit;
}

static bool gained(const struct side *s, unsigned bit)
{
	return s->row.state & ~s->was.state & bit;
}

/* Both sides, and in the order of section 3: who is not to be seen any more is unavailable before
 * that is said (3.2.2); a stanza arrives before the push of what it has done (3.1.6); presence
 * comes when it may be seen (3.1.5). */
enum db_result pair_write(struct pair *p, bool asked, struct buf *acts)
{
	struct side *user = &p->user, *contact = &p->contact;
	enum db_result r;

	if (lost(user, SUB_FROM))
		act_hide(acts, user->account, contact->account);
	buf_put(acts, buf_str(&contact->arrives));
	r = side_write(p, contact, false, acts);
	if (r != DB_OK)
		return r;
	if (lost(contact, SUB_FROM))
		act_hide(acts, contact->account, user->account);
	buf_put(acts, buf_str(&user->arrives));
	r = side_write(p, user, asked, acts);
	if (gained(user, SUB_TO))
		act_show(acts, contact->account, user->account);
	if (gained(contact, SUB_TO))
		act_show(acts, user->account, contact->account);
	return r;
}

static int64_t weight(const struct roster_row *row)
{
	if (!(row->state & SUB_LISTED))
		return 0;
	return (int64_t)((row->state & SUB_SHARED ? 0 : row->contact.n) + row->name.n +
		row->groups.n);
}

/* Is there room for what the user's row is to be? */
static enum db_result check_room(struct pair *p, enum cond *why)
{
	const struct side *s = &p->user;
	struct roster_size size;
	enum db_result r;

	if (!(s->row.state & SUB_LISTED) || weight(&s->row) <= weight(&s->was))
		return DB_OK;
	r = store_roster_size(p->d, s->account, &size);
	if (gained(s, SUB_LISTED) && size.items >= p->most->items)
		*why = STANZA_resource_constraint;
	if (size.bytes + weight(&s->row) - weight(&s->was) > p->most->bytes)
		*why = STANZA_resource_constraint;
	return r;
}

/* --- subscriptions --------------------------------------------------------------------------- */

/* 3.1.3: it waits as it came, until there is an answer. */
static enum db_result keep_request(struct pair *p, const struct stanza *s, enum cond *why)
{
	struct str request = stamped(p, s);
	enum db_result r;
	int64_t n = 0;

	r = store_roster_requests(p->d, p->contact.account, &n);
	if (n >= p->most->requests)
		*why = STANZA_resource_constraint;
	if (request.n > REQUEST_MOST)
		request = plain(p, TYPE_SUBSCRIBE, p->user.account, p->contact.account);
	buf_put(&p->request, request);
	p->contact.row.request = buf_str(&p->request);
	return r;
}

static enum db_result come_in(struct pair *p, const struct stanza *s, enum cond *why)
{
	bool waited = p->contact.row.state & SUB_IN;
	struct sub_step step = arrive(&p->contact, s->type, stamped(p, s));

	if (step.agrees)
		arrive(&p->user, TYPE_SUBSCRIBED,
			plain(p, TYPE_SUBSCRIBED, p->contact.account, p->user.account));
	if (!waited && (step.after & SUB_IN))
		return keep_request(p, s, why);
	return DB_OK;
}

/* Who is in a group with somebody sees and is seen, whatever they say to each other. */
static enum db_result decide_shared(const struct stanza *s, enum cond *why)
{
	if (s->type == TYPE_UNSUBSCRIBE || s->type == TYPE_UNSUBSCRIBED)
		*why = STANZA_not_allowed;
	return DB_OK;
}

static enum db_result decide(struct pair *p, const struct stanza *s, enum cond *why)
{
	struct sub_step step = subscription_sent(s->type, p->user.row.state);
	enum db_result r;

	if (p->user.row.state & SUB_SHARED)
		return decide_shared(s, why);
	p->user.row.state = step.after;
	r = check_room(p, why);
	/* whoever does not exist (8.5.1), or blocks (XEP-0191 3.3): nobody learns that */
	if (r == DB_OK && *why == COND_none && step.passes && p->contact.exists &&
		!(p->contact.deaf && s->type == TYPE_SUBSCRIBE))
		r = come_in(p, s, why);
	return r;
}

enum db_result subscribe(struct db *d, struct str user, struct str contact, const struct stanza *s,
	uint64_t version, const struct subscribe_limits *most, struct buf *acts, enum cond *why)
{
	struct pair p = {.d = d, .version = version, .most = most};
	enum db_result r = pair_read(&p, user, contact);

	*why = COND_none;
	if (r == DB_OK)
		r = decide(&p, s, why);
	if (r == DB_OK && *why == COND_none)
		r = pair_write(&p, false, acts);
	pair_end(&p);
	return r;
}

/* --- items ----------------------------------------------------------------------------------- */

/* 2.5.2: what there was between the two ends with the item. A request of the contact's is not
 * answered by that, and waits on. */
static void take_away(struct pair *p)
{
	struct side *user = &p->user, *contact = &p->contact;
	unsigned was = user->was.state;

	if (contact->exists && (was & (SUB_TO | SUB_OUT)))
		arrive(contact, TYPE_UNSUBSCRIBE,
			plain(p, TYPE_UNSUBSCRIBE, user->account, contact->account));
	if (contact->exists && (was & SUB_FROM))
		arrive(contact, TYPE_UNSUBSCRIBED,
			plain(p, TYPE_UNSUBSCRIBED, user->account, contact->account));
	user->row.state = SUB_GONE | (was & SUB_IN);
	user->row.name = user->row.groups = STR_NONE;
}

/* A client says all groups that it was told, those that the operator has made, too. */
static struct str own_groups(struct pair *p, struct str groups)
{
	struct str one;

	buf_clear(&p->scratch);
	while (groups.n) {
		str_cut(groups, '\0', &one, &groups);
		if (groups_have(p->user.row.shared, one))
			continue;
		buf_put(&p->scratch, one);
		buf_putc(&p->scratch, '\0');
	}
	return buf_str(&p->scratch);
}

static enum db_result change_item(struct pair *p, const struct roster_wish *w, enum cond *why)
{
	struct side *user = &p->user;

	if (w->remove && !(user->was.state & SUB_LISTED)) {
		*why = STANZA_item_not_found;
	} else if (w->remove && (user->was.state & SUB_SHARED)) {
		*why = STANZA_not_allowed;
	} else if (w->remove) {
		take_away(p);
	} else {
		user->row.state = (user->row.state | SUB_LISTED) & ~(unsigned)SUB_GONE;
		user->row.name = w->name;
		user->row.groups = own_groups(p, w->groups);
		return check_room(p, why);
	}
	return DB_OK;
}

enum db_result roster_wish_store(struct db *d, struct str account, const struct roster_wish *w,
	uint64_t version, const struct subscribe_limits *most, struct buf *acts, enum cond *why)
{
	struct pair p = {.d = d, .version = version, .most = most};
	enum db_result r = pair_read(&p, account, w->contact);

	*why = COND_none;
	if (r == DB_OK)
		r = change_item(&p, w, why);
	if (r == DB_OK && *why == COND_none)
		r = pair_write(&p, true, acts);
	pair_end(&p);
	return r;
}

/* --- the end of an account ------------------------------------------------------------------- */

static void note_owner(void *ctx, struct str owner)
{
	buf_put(ctx, owner);
	buf_putc(ctx, '\n'); /* which no JID can hold */
}

/* Another one of that name is somebody else: what was agreed, or approved before it was asked for,
 * goes. */
static enum db_result lose(struct pair *p, struct str owner, struct str account, struct buf *acts)
{
	enum db_result r = side_read(p->d, &p->user, owner, account);

	side_part(&p->user);
	p->user.row.state &= ~(unsigned)SUB_APPROVED;
	return r == DB_OK ? side_write(p, &p->user, false, acts) : r;
}

/* As those of errands are made (session_new_sid), by the clock. */
uint64_t version_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return ((uint64_t)(now.tv_sec - EPOCH_SECONDS) * 1000 + (uint64_t)now.tv_nsec / 1000000)
		<< 22;
}

static enum db_result lose_all(struct db *d, struct str account, struct buf *acts)
{
	struct buf owners = {0};
	enum db_result r = store_roster_owners(d, account, note_owner, &owners);
	struct str rest = buf_str(&owners), owner;

	while (r == DB_OK && rest.n) {
		struct pair p = {.d = d, .version = version_now()};

		str_cut(rest, '\n', &owner, &rest);
		r = lose(&p, owner, account, acts);
		pair_end(&p);
	}
	buf_free(&owners);
	return r;
}

enum db_result account_end(struct db *d, struct str account, bool *found, struct buf *acts)
{
	enum db_result r = store_account_remove(d, account, found);

	return r == DB_OK && *found ? lose_all(d, account, acts) : r;
}
