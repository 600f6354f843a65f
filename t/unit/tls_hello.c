/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ClientHello messages of OpenSSL, whole, cut, and spread over records. */
#include "t/lib/c2s_tls.h"
#include "c2s/tickets.h"
#include "c2s/tls_hello.h"

static struct identity ours, other;
static struct tickets tickets;
static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};

/* Two domains; who names neither gets the first one's certificate. */
static struct tls_ctx *two_domains(void)
{
	struct tls_ctx *ctx = ctx_with(&ours, &tickets);

	tls_ctx_name(ctx, STR("other.example"), ctx_with(&other, &tickets));
	tls_ctx_name(ctx, STR("b\xc3\xbc" "cher.example"), ctx_with(&other, &tickets)); /* as prep_domain has it */
	return ctx;
}

static void start(struct talk *t, int version, const char *name)
{
	talk_start(t, two_domains(), version, true);
	if (name)
		SSL_set_tlsext_host_name(t->client, name);
}

/* The client's hello, as records. */
static void take_hello(struct talk *t, struct buf *records)
{
	char *p;
	long n;

	SSL_do_handshake(t->client);
	n = BIO_get_mem_data(t->from_client, &p);
	buf_add(records, p, (size_t)n);
	(void)BIO_reset(t->from_client);
}

static void read_names(void **state)
{
	struct tls_hello hello;
	struct talk t;

	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		struct buf records = {0};
		struct str message;

		start(&t, versions[i], "Other.Example");
		take_hello(&t, &records);
		message = tls_hello_payload(buf_str(&records));
		assert_true(tls_hello_read(message, &hello));
		assert_int_equal(tls_hello_bytes(message), message.n);
		assert_true(str_is(hello.name, "Other.Example"));
		assert_int_equal(hello.ticket.n, 0);
		assert_int_equal(hello.psk.n, 0);
		for (size_t cut = 0; cut < message.n; cut++) {
			assert_false(tls_hello_read(str_head(message, cut), &hello));
			assert_int_equal(hello.name.n, 0);
		}
		buf_putc(&records, 0);
		assert_false(tls_hello_read(str_skip(buf_str(&records), TLS_GATE_HEADER), &hello));
		talk_end(&t);
		buf_free(&records);
	}
}

static void read_tickets(void **state)
{
	static const struct tickets none;
	struct tickets others = {0};

	(void)state;
	assert_true(tickets_turn(&others, 3600, 0));
	for (size_t i = 0; i < COUNT(versions); i++) {
		struct buf records = {0};
		struct tls_hello hello;
		SSL_SESSION *session;
		struct str ticket;
		struct talk t;

		start(&t, versions[i], NULL);
		assert_true(shake(&t));
		expect_exchange(&t, STR("hello"));
		session = SSL_get1_session(t.client);
		talk_end(&t);
		start(&t, versions[i], NULL);
		SSL_set_session(t.client, session);
		take_hello(&t, &records);
		assert_true(tls_hello_read(tls_hello_payload(buf_str(&records)), &hello));
		ticket = versions[i] == TLS1_3_VERSION ? hello.psk : hello.ticket;
		assert_non_null(tickets_find(&tickets, str_head(ticket, TICKET_NAME)));
		assert_true(tls_hello_has_ticket(buf_str(&records), &tickets));
		assert_false(tls_hello_has_ticket(buf_str(&records), &others));
		assert_false(tls_hello_has_ticket(buf_str(&records), &none));
		for (size_t cut = 0; cut < records.n; cut++)
			assert_false(tls_hello_has_ticket(str_head(buf_str(&records), cut), &tickets));
		talk_end(&t);
		start(&t, versions[i], NULL);
		buf_clear(&records);
		take_hello(&t, &records);
		assert_false(tls_hello_has_ticket(buf_str(&records), &tickets));
		talk_end(&t);
		SSL_SESSION_free(session);
		buf_free(&records);
	}
}

/* The hello again, in records that hold so many bytes of it. */
static void cut_hello(struct buf *records, size_t most)
{
	struct str message = tls_hello_payload(buf_str(records));
	struct buf cut = {0};

	while (message.n) {
		struct str piece = str_head(message, most);

		buf_puts(&cut, "\x16\x03\x01");
		buf_putc(&cut, (char)(piece.n >> 8));
		buf_putc(&cut, (char)piece.n);
		buf_put(&cut, piece);
		message = str_skip(message, piece.n);
	}
	buf_take(records, &cut);
}

static void expect_certificate(const struct talk *t, const struct identity *id)
{
	X509 *certificate = SSL_get1_peer_certificate(t->client);
	BIO *bio = BIO_new(BIO_s_mem());
	struct buf pem = {0};

	PEM_write_bio_X509(bio, certificate);
	take_pem(bio, &pem);
	assert_true(str_eq(buf_str(&pem), buf_str(&id->certificate)));
	buf_free(&pem);
	X509_free(certificate);
}

static void expect_spread(int version, size_t most, size_t step)
{
	struct buf records = {0};
	struct talk t;

	start(&t, version, "other.example");
	t.step = step;
	take_hello(&t, &records);
	cut_hello(&records, most);
	hear(&t, buf_str(&records));
	assert_true(shake(&t));
	expect_certificate(&t, &other);
	expect_exchange(&t, STR("hello"));
	talk_end(&t);
	buf_free(&records);
}

static void spread(void **state)
{
	static const size_t sizes[] = {1, 2, 3, 4, 5, 38, 39, 100, 16384};

	(void)state;
	for (size_t v = 0; v < COUNT(versions); v++)
		for (size_t i = 0; i < COUNT(sizes); i++)
			for (size_t step = 0; step < 3; step++)
				expect_spread(versions[v], sizes[i], step);
}

static void certificates(void **state)
{
	static const char *const names[] = {NULL, "third.example",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example", "xn--nothing.example", "xn--",
		"other.example", "OTHER.example", "other.example.", "xn--bcher-kva.example", "XN--BCHER-KVA.example"};
	struct talk t;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		start(&t, TLS1_3_VERSION, names[i]);
		assert_true(shake(&t));
		expect_certificate(&t, i > 4 ? &other : &ours);
		talk_end(&t);
	}
}

/* One byte of the hello in each record, and another kind of record somewhere. */
static void interrupted(void **state)
{
	static const char alert[] = "\x15\x03\x03\0\x02\x02\x28", closing[] = "\x15\x03\x03\0\x02\x01\0";

	(void)state;
	for (size_t cut = 0; cut < 60; cut++) {
		for (int kind = 0; kind < 2; kind++) {
			struct buf records = {0};
			struct talk t;

			start(&t, TLS1_3_VERSION, "other.example");
			take_hello(&t, &records);
			cut_hello(&records, 1);
			records.n = cut * (TLS_GATE_HEADER + 1);
			buf_add(&records, kind ? closing : alert, sizeof alert - 1);
			hear(&t, buf_str(&records));
			assert_int_equal(t.result, TLS_FAILED);
			talk_end(&t);
			buf_free(&records);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"hello: the name that a client asks for is found, and a cut message has none", read_names, NULL, NULL,
			NULL},
		{"hello: the ticket that a client brings is found", read_tickets, NULL, NULL, NULL},
		{"hello: a name of ours gets its certificate, in ASCII too (RFC 6066 3), any other the first", certificates, NULL, NULL, NULL},
		{"hello: spread over many records it gets the right certificate", spread, NULL, NULL, NULL},
		{"hello: what interrupts it ends the handshake", interrupted, NULL, NULL, NULL},
	};
	int failures;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	make_identity(&ours);
	make_identity(&other);
	if (!tickets_turn(&tickets, 3600, 0))
		return 1;
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	free_identity(&ours);
	free_identity(&other);
	return failures;
}
