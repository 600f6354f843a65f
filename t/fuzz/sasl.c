/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * SASL in two ways. First byte below 0x80: messages into one mechanism, with a sham sm that answers; the byte chooses
 * the mechanism and sm's answers; the rest, cut at 0xff, are the client's messages. A mechanism asks only about an
 * account of its own domain, and accepts only after a yes.
 *
 * From 0x80 on: a cell of t/lib/sasl_cells.h (a mechanism, and what its client does otherwise than an honest one), with
 * edits to the client's messages, against c2s's login and sm's real judgement. The bytes: the mechanism's row, the
 * twist, then edits: step and kind, place, length, bytes. Without a change the outcome is the table's; whatever is
 * changed, nobody becomes another than the one whose password it is, and then the right exchange succeeds.
 *
 * 0xff: the sham again; the second byte chooses another mechanism, the third is as the first is else. */
#include "c2s/derive.h"
#include "c2s/sasl.h"
#include "sm/verify.h"
#include "c2s/sasl_ht.h"
#include "t/lib/sasl_cells.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* --- with a sham ------------------------------------------------------------------------------------------------- */

static bool sham_data(const void *of, enum tls_binding b, struct buf *out)
{
	(void)of;
	buf_puts(out, binding_name(b));
	return true;
}

static enum sasl_step ask(struct sasl *x, uint8_t mode)
{
	struct msg_sasl_salt salt = {.iterations = 1,
		.salt = STR("salt"),
		.nonce = mode & 8 ? STR_NONE : STR("NONCE"),
		.wants = mode & 128};
	struct msg_sasl_verdict verdict = {
		.cond = mode & 16 ? SASL_not_authorized : COND_none, .who = x->who, .signature = STR("sig")};
	if (x->ask.code == MSG_sasl_start && x->ask.form)
		CHECK(!x->who.text.n);
	else
		CHECK(!x->who.resource_n && str_is(jid_domain(x->who), "localhost"));
	if (x->ask.code == MSG_sasl_start)
		return sasl_salt(x, &salt);
	CHECK(x->ask.code == MSG_sasl_prove);
	CHECK(!x->ask.hash || (x->who.local_n && x->ask.proof.n == hash_size(x->ask.hash)));
	enum sasl_step next = sasl_verdict(x, &verdict);
	CHECK(!verdict.cond || next != SASL_ACCEPT);
	return next;
}

static enum sasl_step run(struct sasl *x, enum sasl_step next, uint8_t mode)
{
	uint8_t key[HASH_MAX];
	for (unsigned i = 0; i < 8 && (next == SASL_ASK || next == SASL_DERIVE || next == SASL_COMPLETE); i++) {
		if (next == SASL_ASK) {
			next = ask(x, mode);
			continue;
		}
		derive_client_key(&x->work, key);
		next = sasl_key(x, str_at(key, mode & 32 ? 0 : hash_size(x->work.hash)));
	}
	CHECK(next != SASL_ASK && next != SASL_DERIVE && next != SASL_COMPLETE);
	return next;
}

static const struct sasl_mech *mechanism(uint8_t mode)
{
	static const struct sasl_mech *const mechs[] = {&sasl_scram_sha256, &sasl_scram_sha1, &sasl_plain};

	return mode & 64 ? &sasl_scram_sha512_plus : mechs[mode % 3];
}

static void with_a_sham(const struct sasl_mech *mech, uint8_t mode, struct str rest)
{
	struct sasl *x = sasl_new(mech, STR("localhost"));
	struct str message;
	x->channel = (struct sasl_channel){
		.bindings = mode & 64 ? 7 : 0, .plus = mode & 64, .tls = 0x0303, .data = sham_data};
	x->more_rounds = mode & 128;
	str_cut(rest, (char)0xff, &message, &rest);
	enum sasl_step next = run(x, sasl_begin(x, mode & 4 ? NULL : &message), mode);
	while (next == SASL_SAY && rest.n) {
		str_cut(rest, (char)0xff, &message, &rest);
		next = run(x, sasl_answer(x, message), mode);
	}
	CHECK(next != SASL_REFUSE || cond_group(x->why) == COND_OF_SASL);
	sasl_free(&x);
}

/* --- with edits -------------------------------------------------------------------------------------------------- */

/* One edit: kind, place, what is put there. False: there is none. */
static bool edit(struct str *edits, struct buf *message, unsigned step)
{
	uint8_t what, at, n;
	struct str put;
	struct buf tail = {0};

	if (!str_take_u8(edits, &what) || !str_take_u8(edits, &at) || !str_take_u8(edits, &n))
		return false;
	put = str_head(*edits, n % 32);
	*edits = str_skip(*edits, put.n);
	if ((what & 3U) != step % 4)
		return true;
	if (at > message->n)
		at = (uint8_t)message->n;
	buf_put(&tail, str_skip(buf_str(message), at + (what & 4 ? put.n : what & 8 ? n : 0)));
	message->n = at;
	if (!(what & 8))
		buf_put(message, put);
	if (!(what & 16))
		buf_put(message, buf_str(&tail));
	buf_free(&tail);
	return true;
}

static struct str edits_now;
static bool edited; /* something is not as it was */

static void edit_all(const struct spoiling *s, struct buf *message)
{
	struct str edits = edits_now;
	struct buf before = {0};

	buf_put(&before, buf_str(message));
	while (edit(&edits, message, s->step))
		;
	edited = edited || !str_eq(buf_str(&before), buf_str(message));
	buf_free(&before);
}

static void with_edits(struct str in)
{
	struct play p, first;
	const char *why;
	uint8_t row = 0, twist = 0;

	if (!house.verify) {
		house_start();
		CHECK(!atexit(house_end));
	}
	if (!str_take_u8(&in, &row) || !str_take_u8(&in, &twist))
		return;
	edits_now = in;
	edited = false;
	cell_play(&p, &first, &rows[row % COUNT(rows)], (enum twist)(twist % TWIST_COUNT), edit_all);
	why = cell_check(&p, &rows[row % COUNT(rows)], !edited);
	if (why)
		fprintf(stderr, "%s\n", why);
	CHECK(!why);
	cell_end(&p, &first);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const char *const tokens[] = {"HT-SHA-256-NONE", "HT-SHA-256-EXPR"};
	static const struct sasl_mech *const others[] = {
		&sasl_digest_md5, &sasl_cram_md5, &sasl_anonymous, &sasl_shared_secret, &sasl_external};
	uint8_t mode = n ? bytes[0] : 0, other = n > 1 ? bytes[1] % (COUNT(others) + COUNT(tokens)) : 0;

	if (mode == 0xff && n > 2)
		with_a_sham(other < COUNT(others) ? others[other] : ht_find(str_of(tokens[other - COUNT(others)])),
			bytes[2], str_skip(str_at(bytes, n), 3));
	else if (mode & 0x80)
		with_edits(str_skip(str_at(bytes, n), 1));
	else
		with_a_sham(mechanism(mode), mode, str_skip(str_at(bytes, n), 1));
	return 0;
}
