/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * gloox with a roster: called as in t/lib/talk.py, it grants every subscription, prints what
 * its roster manager tells ("roster N", "item JID SUBSCRIPTION", "removed JID", "presence JID/RESOURCE TYPE"), and does
 * what messages say: "subscribe JID", "remove JID", "away", "stop". */
#include <gloox/client.h>
#include <gloox/connectionlistener.h>
#include <gloox/connectiontls.h>
#include <gloox/message.h>
#include <gloox/messagehandler.h>
#include <gloox/rosteritem.h>
#include <gloox/rosterlistener.h>
#include <gloox/rostermanager.h>
#include <gloox/tlsbase.h>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

class Friend : public gloox::ConnectionListener, public gloox::MessageHandler, public gloox::RosterListener {
public:
	Friend(gloox::Client &session, const gloox::StringList &cas) : client(session), trusted(cas), failed(false) {}

	void onStreamEvent(gloox::StreamEvent event) override
	{
		if (event == gloox::StreamEventEncryption)
			client.encryptionImpl()->setCACerts(trusted);
	}

	void onConnect() override { say("online", client.jid().full(), ""); }

	bool onTLSConnect(const gloox::CertInfo &info) override
	{
		failed = info.status != gloox::CertOk;
		return !failed;
	}

	void onDisconnect(gloox::ConnectionError error) override
	{
		failed = failed || error != gloox::ConnUserDisconnected;
	}

	void handleMessage(const gloox::Message &message, gloox::MessageSession *) override
	{
		const std::string body = message.body(), word = body.substr(0, body.find(' '));
		const gloox::JID who(body.find(' ') == std::string::npos ? "" : body.substr(body.find(' ') + 1));

		if (word == "subscribe")
			client.rosterManager()->subscribe(who, "A friend", gloox::StringList(1, "Friends"));
		else if (word == "remove")
			client.rosterManager()->remove(who);
		else if (word == "away")
			client.setPresence(gloox::Presence::Away, 0, "at lunch");
		else if (word == "stop")
			client.disconnect();
	}

	void handleItemAdded(const gloox::JID &who) override { item(who); }
	void handleItemSubscribed(const gloox::JID &who) override { item(who); }
	void handleItemUpdated(const gloox::JID &who) override { item(who); }
	void handleItemUnsubscribed(const gloox::JID &who) override { item(who); }
	void handleItemRemoved(const gloox::JID &who) override { say("removed", who.bare(), ""); }
	void handleRosterError(const gloox::IQ &) override { failed = true; }
	void handleNonrosterPresence(const gloox::Presence &) override {}
	bool handleUnsubscriptionRequest(const gloox::JID &, const std::string &) override { return false; }

	void handleRoster(const gloox::Roster &roster) override
	{
		say("roster", std::to_string(roster.size()), "");
		for (const auto &entry : roster)
			item(gloox::JID(entry.first));
	}

	void handleRosterPresence(const gloox::RosterItem &who, const std::string &resource,
		gloox::Presence::PresenceType type, const std::string &words) override
	{
		static const char *const types[] = {"available", "chat", "away", "dnd", "xa", "unavailable"};
		const auto n = static_cast<size_t>(type);

		say("presence", who.jidJID().bare() + "/" + resource, (n < 6 ? types[n] : "?") + (" " + words));
	}

	void handleSelfPresence(const gloox::RosterItem &, const std::string &, gloox::Presence::PresenceType,
		const std::string &) override {}

	bool handleSubscriptionRequest(const gloox::JID &who, const std::string &words) override
	{
		say("request", who.full(), words);
		return true;
	}

	int status() const { return failed ? 1 : 0; }

private:
	static void say(const char *what, const std::string &whom, const std::string &more)
	{
		printf("%s %s%s%s\n", what, whom.c_str(), more.empty() ? "" : " ", more.c_str());
		fflush(stdout);
	}

	void item(const gloox::JID &who)
	{
		static const char *const states[] = {
			"none", "none-out", "none-in", "none-out-in", "to", "to-in", "from", "from-out", "both"};
		const gloox::RosterItem *found = client.rosterManager()->getRosterItem(who);

		say("item", who.bare(), found ? states[found->subscription()] : "?");
	}

	gloox::Client &client;
	const gloox::StringList trusted;
	bool failed;
};

}

int main(int argc, char **argv)
{
	if (argc != 6)
		return 64;
	gloox::Client client(gloox::JID(argv[1]), argv[2], static_cast<int>(strtol(argv[3], nullptr, 10)));
	Friend me(client, gloox::StringList(1, argv[4]));

	client.registerConnectionListener(&me);
	client.registerMessageHandler(&me);
	client.rosterManager()->registerRosterListener(&me, true);
	client.setServer("127.0.0.1");
	client.setTls(gloox::TLSRequired);
	client.connect(true);
	return me.status();
}
