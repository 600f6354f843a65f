/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * gloox with its default settings plus trust in our CA; see t/lib/talk.py for the arguments, the environment, and for
 * what it prints. */
#include <gloox/client.h>
#include <gloox/connectionlistener.h>
#include <gloox/connectiontcpclient.h>
#include <gloox/connectiontls.h>
#include <gloox/message.h>
#include <gloox/messagehandler.h>
#include <gloox/tlsbase.h>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace {

class Talk : public gloox::ConnectionListener, public gloox::MessageHandler {
public:
	Talk(gloox::Client &session, const gloox::StringList &cas) : client(session), trusted(cas), failed(false) {}

	/* Client::setCACerts() alone is without effect in gloox 1.0.24: its TLS object does not read what init() is given;
	 * nor the client's certificate. */
	void onStreamEvent(gloox::StreamEvent event) override
	{
		if (event == gloox::StreamEventEncryption)
			prepare(client.encryptionImpl());
	}

	void onConnect() override
	{
		printf("online %s\n", client.jid().full().c_str());
		fflush(stdout);
	}

	/* An application must judge the certificate itself; this one wants a perfect one. */
	bool onTLSConnect(const gloox::CertInfo &info) override
	{
		failed = info.status != gloox::CertOk;
		if (failed)
			printf("certificate %d\n", info.status);
		return !failed;
	}

	void onDisconnect(gloox::ConnectionError error) override
	{
		failed = failed || error != gloox::ConnUserDisconnected;
		printf("ended %d %d %s\n", error, client.authError(), client.streamErrorText().c_str());
	}

	void handleMessage(const gloox::Message &message, gloox::MessageSession *) override
	{
		if (message.body().empty())
			return;
		printf("got %s\n", message.body().c_str());
		fflush(stdout);
		client.send(gloox::Message(gloox::Message::Chat, message.from(), message.body()));
		if (message.body() == "stop")
			client.disconnect();
	}

	int status() const { return failed ? 1 : 0; }

private:
	void prepare(gloox::TLSBase *tls)
	{
		tls->setCACerts(trusted);
		if (getenv("TALK_CERTIFICATE"))
			tls->setClientCert(getenv("TALK_KEY"), getenv("TALK_CERTIFICATE"));
	}

	gloox::Client &client;
	const gloox::StringList trusted;
	bool failed;
};

/* Direct TLS, judged as strictly: ConnectionTLS itself takes every certificate. */
class Direct : public gloox::ConnectionTLS {
public:
	Direct(gloox::Client &client, gloox::ConnectionBase *tcp, const gloox::StringList &cas)
		: ConnectionTLS(&client, tcp, client.logInstance()), trusted(cas) {}

	void handleConnect(const gloox::ConnectionBase *connection) override
	{
		m_tls->setCACerts(trusted);
		ConnectionTLS::handleConnect(connection);
	}

	void handleHandshakeResult(const gloox::TLSBase *base, bool success, gloox::CertInfo &info) override
	{
		if (info.status != gloox::CertOk)
			printf("certificate %d\n", info.status);
		ConnectionTLS::handleHandshakeResult(base, success && info.status == gloox::CertOk, info);
	}

private:
	const gloox::StringList trusted;
};

/* What the environment says to it. */
void choose(gloox::Client &client)
{
	static const struct {
		const char *name;
		int mechanism;
	} rows[] = {
		{"SCRAM-SHA-1-PLUS", gloox::SaslMechScramSha1Plus},
		/* alone it sends 'n' and says later that it has sent 'y' */
		{"SCRAM-SHA-1", gloox::SaslMechScramSha1 | gloox::SaslMechScramSha1Plus},
		{"DIGEST-MD5", gloox::SaslMechDigestMd5},
		{"PLAIN", gloox::SaslMechPlain},
		{"ANONYMOUS", gloox::SaslMechAnonymous},
		{"EXTERNAL", gloox::SaslMechExternal},
	};
	const char *word = getenv("TALK_MECHANISM");

	for (const auto &row : rows) {
		if (word && std::string(word) == row.name)
			client.setSASLMechanisms(row.mechanism);
	}
	if (getenv("TALK_CERTIFICATE")) { /* EXTERNAL is taken with these, and without a password */
		client.setClientCert(getenv("TALK_KEY"), getenv("TALK_CERTIFICATE"));
		client.setPassword("");
	}
}

}

int main(int argc, char **argv)
{
	if (argc != 6)
		return 64;
	const gloox::JID jid(argv[1]);
	const int port = static_cast<int>(strtol(argv[3], nullptr, 10));
	const auto session = jid.username().empty() ? std::make_unique<gloox::Client>(jid.server())
		: std::make_unique<gloox::Client>(jid, argv[2], port);
	gloox::Client &client = *session;
	const gloox::StringList trusted(1, argv[4]);
	Talk talk(client, trusted);

	client.registerConnectionListener(&talk);
	client.registerMessageHandler(&talk);
	client.setServer("127.0.0.1");
	client.setPort(port);
	client.setCACerts(trusted);
	client.setTls(gloox::TLSRequired);
	if (std::string(argv[5]) == "direct") {
		auto *tcp = new gloox::ConnectionTCPClient(client.logInstance(), "127.0.0.1", port);
		client.setConnectionImpl(new Direct(client, tcp, trusted));
		client.setTls(gloox::TLSDisabled); /* of STARTTLS there is no more need */
	}
	choose(client);
	client.connect(true);
	return talk.status();
}
