/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An exchange of SASL between a player (t/lib/sasl_player.h) and the world (t/lib/sasl_world.h), as XML. */
#ifndef T_LIB_SASL_PLAY_H
#define T_LIB_SASL_PLAY_H

#include "t/lib/sasl_player.h"

#define STEPS_MOST 4

struct heard {
	char name[20];      /* of the element that came last: challenge, success, failure; empty: none */
	char condition[40]; /* of a failure */
	struct buf data;
};

/* Something else in place of what the player would say. */
struct spoiling {
	unsigned step; /* 0: none */
	bool every;    /* step: the one that is being spoilt */
	void (*spoil)(const struct spoiling *s, struct buf *message);
	size_t at; /* for spoil */
};

struct play {
	struct attempt attempt;
	const struct player *player;
	const char *user; /* NULL: whom the twist means */
	struct heard heard;
	struct buf shape;                /* what the server said, without what is random: names, lengths, attributes */
	struct buf said[STEPS_MOST + 1]; /* the client's messages, by step */
	const struct play *again;        /* say what was said there */
	unsigned garbled;                /* the step in which garbage is said; 0: none */
	struct spoiling spoiling;
};

static inline void play_free(struct play *p)
{
	attempt_end(&p->attempt);
	buf_free(&p->heard.data);
	buf_free(&p->shape);
	for (size_t i = 0; i < COUNT(p->said); i++)
		buf_free(&p->said[i]);
}

static void copy_word(char *to, size_t room, struct str from)
{
	size_t n = from.n < room ? from.n : room - 1;

	if (n)
		memcpy(to, from.p, n);
	to[n] = 0;
}

/* For each attribute of a SCRAM message its letter and length; else only the length. */
static void add_shape(struct buf *out, const struct heard *h)
{
	struct str rest = buf_str(&h->data), field;

	buf_printf(out, "%s %s %zu", h->name, h->condition, rest.n);
	while (rest.n) {
		str_cut(rest, ',', &field, &rest);
		buf_printf(out, " %c%zu", field.n > 1 && field.p[1] == '=' ? field.p[0] : '-', field.n);
	}
	buf_putc(out, '\n');
}

/* Takes what was said since the last call. It must be one element of SASL, or nothing. */
static void play_hear(struct play *p)
{
	struct world *w = p->attempt.world;
	struct str said = world_hear(w), name, rest, text;

	p->heard.name[0] = p->heard.condition[0] = 0;
	buf_clear(&p->heard.data);
	if (said.n) {
		CHECK(said.p[0] == '<');
		str_cut(str_skip(said, 1), '>', &name, &rest);
		str_cut(rest, '<', &text, &rest);
		if (!str_ends(name, STR("/")))
			CHECK(b64_decode(&p->heard.data, text) || str_is(text, "="));
		str_cut(name, ' ', &name, &text);
		copy_word(p->heard.name, sizeof p->heard.name, name);
		if (str_is(name, "failure"))
			copy_word(p->heard.condition, sizeof p->heard.condition, str_head(rest, str_find(rest, '/')));
	}
	add_shape(&p->shape, &p->heard);
	buf_clear(&w->said);
}

/* `data` NULL: no content. */
static void play_say(struct play *p, const char *element, const struct str *data)
{
	struct buf out = {0};

	buf_printf(&out, "<%s xmlns='" WORLD_SASL "'", element);
	if (!strcmp(element, "auth"))
		buf_printf(&out, " mechanism='%s'", p->attempt.mech);
	buf_putc(&out, '>');
	if (data && data->n)
		b64_encode(&out, *data);
	else if (data)
		buf_putc(&out, '=');
	buf_printf(&out, "</%s>", element);
	world_send(p->attempt.world, buf_str(&out));
	buf_free(&out);
	play_hear(p);
}

/* The client's message of this step. False: it has none. */
static bool play_message(struct play *p, unsigned step, struct buf *out)
{
	bool speaks = p->player->speak(&p->attempt, step, buf_str(&p->heard.data), out);

	if (p->again) {
		buf_clear(out);
		buf_put(out, buf_str(&p->again->said[step]));
		speaks = p->again->said[step].n;
	}
	if (p->garbled == step) {
		buf_clear(out);
		buf_puts(out, "garbage");
	}
	if (p->spoiling.every)
		p->spoiling.step = step;
	if (p->spoiling.step == step)
		p->spoiling.spoil(&p->spoiling, out);
	return speaks;
}

static bool play_aborts(const struct play *p, unsigned step)
{
	return (step == 1 && p->attempt.twist == TWIST_aborted_1) || (step == 2 && p->attempt.twist == TWIST_aborted_2);
}

/* True: the server is waiting for the client's first message. A mechanism in which the server speaks first has no
 * initial response. */
static bool play_begin(struct play *p)
{
	const struct sasl_mech *m = sasl_find(str_of(p->attempt.mech));
	enum twist twist = p->attempt.twist;

	if (m && m->client_first && twist != TWIST_asked && twist != TWIST_aborted_1)
		return false;
	play_say(p, "auth", NULL);
	return true;
}

/* From <auth/> to the verdict. */
static void play_run(struct play *p)
{
	bool asked = play_begin(p);

	for (unsigned step = 1; step <= STEPS_MOST; step++) {
		struct str data;

		if (asked && strcmp(p->heard.name, "challenge"))
			break;
		if (play_aborts(p, step)) {
			play_say(p, "abort", NULL);
			break;
		}
		if (!play_message(p, step, &p->said[step]))
			break;
		data = buf_str(&p->said[step]);
		play_say(p, asked ? "response" : "auth", &data);
		asked = true;
	}
}

/* Starts p, runs it on a connection of its own, and frees that. */
static inline void play_once(struct play *p, const char *mech, const struct player *player, enum twist twist)
{
	struct world *w = world_connect(twist == TWIST_not_offered ? "none.test" : "localhost");

	attempt_start(&p->attempt, w, mech, twist);
	if (p->user)
		p->attempt.user = p->user;
	p->player = player;
	play_run(p);
}

#endif
