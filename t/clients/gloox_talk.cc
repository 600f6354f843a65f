/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * gloox with its default settings plus trust in our CA; see t/lib/talk.py for the arguments and for what it prints. */
#include <gloox/client.h>
#include <gloox/connectionlistener.h>
#include <gloox/connectiontcpclient.h>
#include <gloox/connectiontls.h>
#include <gloox/message.h>
#include <gloox/messagehandler.h>
#include <gloox/tlsbase.h>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

class Talk : public gloox::ConnectionListener, public gloox::MessageHandler {
public:
	Talk(gloox::Client &session, const gloox::StringList &cas) : client(session), trusted(cas), failed(false) {}

	/* Client::setCACerts() alone is without effect in gloox 1.0.24: its TLS object does not read what init() is given. */
	void onStreamEvent(gloox::StreamEvent event) override
	{
		if (event == gloox::StreamEventEncryption)
			client.encryptionImpl()->setCACerts(trusted);
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

}

int main(int argc, char **argv)
{
	if (argc != 6)
		return 64;
	const gloox::JID jid(argv[1]);
	const int port = static_cast<int>(strtol(argv[3], nullptr, 10));
	gloox::Client client(jid, argv[2], port);
	const gloox::StringList trusted(1, argv[4]);
	Talk talk(client, trusted);

	client.registerConnectionListener(&talk);
	client.registerMessageHandler(&talk);
	client.setServer("127.0.0.1");
	client.setCACerts(trusted);
	client.setTls(gloox::TLSRequired);
	if (std::string(argv[5]) == "direct") {
		auto *tcp = new gloox::ConnectionTCPClient(client.logInstance(), "127.0.0.1", port);
		client.setConnectionImpl(new Direct(client, tcp, trusted));
		client.setTls(gloox::TLSDisabled); /* of STARTTLS there is no more need */
	}
	client.connect(true);
	return talk.status();
}
