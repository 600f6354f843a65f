/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See mailbox.h: the mailboxes, and how messages come into the store. */
#include "sm/mailbox_work.h"

#include <string.h>

#include "common/log.h"
#include "sm/errand.h"
#include "sm/store_offline.h"

/* --- one mailbox ----------------------------------------------------------------------------- */

struct mailbox *box_of(const struct mailboxes *m, struct str account)
{
	return table_get(m->by_account, account);
}

struct mailbox *box_make(struct mailboxes *m, struct str account)
{
	struct mailbox *b = box_of(m, account);

	if (b)
		return b;
	b = mem_try(sizeof *b + account.n);
	if (!b)
		return NULL;
	memcpy(b->text, account.p, account.n);
	b->account = str_at(b->text, account.n);
	if (table_put(m->by_account, b->account, b))
		return b;
	mem_free(b);
	return NULL;
}

/* A mailbox with nothing in it is none. */
void box_settle(struct mailboxes *m, struct mailbox *b)
{
	if (b->pending || b->stored || b->open || b->loading || b->removing)
		return;
	table_remove(m->by_account, b->account);
	buf_free(&b->handed);
	mem_free(b);
}

bool mailbox_is_waiting(const struct house *h, struct str account)
{
	const struct mailbox *b = box_of(h->mailboxes, account);

	return b && (b->stored || b->pending);
}

const struct session *mailbox_reader(const struct house *h, struct str account)
{
	const struct mailbox *b = box_of(h->mailboxes, account);

	return b ? b->reader : NULL;
}

uint64_t mailbox_new_id(struct house *h)
{
	return session_new_sid(h->sessions);
}

/* --- storing: an errand ---------------------------------------------------------------------- */

bool mailbox_put(struct house *h, struct str account, struct str sender, uint64_t id,
	struct str xml)
{
	struct errand e = {
		.code = ERRAND_message, .id = id, .account = account, .sender = sender, .xml = xml};
	struct mailbox *b = box_make(h->mailboxes, account);

	if (!b)
		return false;
	if (errand_hold(h, &e)) {
		b->pending++;
		return true;
	}
	box_settle(h->mailboxes, b);
	return false;
}

struct oldest {
	struct str account;
	uint64_t id;
};

static bool look_for_oldest(void *ctx, const struct errand *e)
{
	struct oldest *o = ctx;

	if (e->code != ERRAND_message || !str_eq(e->account, o->account))
		return true;
	o->id = e->id;
	return false;
}

uint64_t box_oldest_held(const struct house *h, const struct mailbox *b)
{
	struct oldest o = {.account = b->account, .id = INT64_MAX};

	if (b->pending)
		errands_each(h, look_for_oldest, &o);
	return o.id;
}

/* The outcome, as one byte. */
enum db_result message_store(struct db *d, const struct errand *e, struct buf *result)
{
	struct offline_limit most = {e->most.offline_messages, e->most.offline_bytes};
	enum offline_outcome outcome = OFFLINE_STORED;
	enum db_result r = store_offline_put(d, e->account, e->id, e->xml, &most, &outcome);

	buf_u8(result, (uint8_t)outcome);
	return r;
}

static const char *outcome_word(enum db_result r, enum offline_outcome outcome)
{
	if (r != DB_OK)
		return db_result_name(r);
	return outcome == OFFLINE_STORED ? "stored" : outcome == OFFLINE_FULL ? "full" : "nobody";
}

/* The error goes to where the message came from; a sender that has gone hears nothing. */
static void refuse(struct house *h, const struct errand *e, enum cond why, struct str text)
{
	errand_refuse(h, e, why, text);
	carbons_refused(h, e, why, text);
}

void message_done(struct house *h, const struct errand *e, enum db_result r, struct str result)
{
	struct mailbox *b = box_of(h->mailboxes, e->account);
	uint8_t outcome = OFFLINE_STORED;

	if (r != DB_OK || !str_take_u8(&result, &outcome))
		refuse(h, e, STANZA_resource_constraint,
			STR("The server cannot store messages now"));
	else if (outcome == OFFLINE_NOBODY)
		refuse(h, e, STANZA_service_unavailable, STR_NONE);
	else if (outcome == OFFLINE_FULL)
		refuse(h, e, STANZA_service_unavailable,
			STR("Too many messages wait there already"));
	log_event(offline, LOG_STR("user", e->account),
		LOG_TEXT("what", outcome_word(r, (enum offline_outcome)outcome)));
	if (!b)
		return;
	b->stored |= r == DB_OK && outcome == OFFLINE_STORED;
	b->pending--;
	b->stores++;
	b->rest = 0;
	box_settle(h->mailboxes, b);
}

void mailboxes_turn(struct house *h)
{
	hand_turn(h);
}

/* --- the record ------------------------------------------------------------------------------ */

void mailboxes_snapshot(struct house *h, struct buf *out)
{
	hand_snapshot(h->mailboxes, out);
}

void mailbox_recover(struct house *h, const struct turn_item *i)
{
	hand_recover(h->mailboxes, i);
}

static bool count_pending(void *ctx, const struct errand *e)
{
	struct mailbox *b = e->code == ERRAND_message ? box_make(ctx, e->account) : NULL;

	if (b)
		b->pending++;
	return true;
}

void mailboxes_resume(struct house *h)
{
	errands_each(h, count_pending, h->mailboxes);
	hand_resume(h);
	if (h->mailboxes->open)
		house_touch(h);
}

/* --- life ------------------------------------------------------------------------------------ */

/* The clock may be behind what it was, as without power and a battery: what comes now is stored
 * behind what is there all the same. */
static void note_account(void *ctx, struct str account, uint64_t newest)
{
	struct house *h = ctx;
	struct mailbox *b = box_make(h->mailboxes, account);

	if (b)
		b->stored = true;
	session_seen(h->sessions, newest);
}

struct mailboxes *mailboxes_new(void)
{
	struct mailboxes *m = mem_new(sizeof *m);

	m->by_account = table_new();
	return m;
}

bool mailboxes_read(struct house *h, const char *path, struct buf *why)
{
	struct db *d = db_open(path, DB_READ, why);
	bool good = d && store_offline_accounts(d, note_account, h) == DB_OK;

	if (d && !good)
		buf_printf(why, "%s: %s", path, db_why(d));
	db_close(&d);
	return good;
}

static void free_box(void *ctx, void *box)
{
	struct mailboxes *m = ctx;
	struct mailbox *b = box;

	table_remove(m->by_account, b->account);
	buf_free(&b->handed);
	mem_free(b);
}

void mailboxes_free(struct mailboxes **m)
{
	struct mailboxes *old = *m;

	if (!old)
		return;
	table_each(old->by_account, free_box, old);
	table_free(&old->by_account);
	mem_free(old);
	*m = NULL;
}
