// SPDX-License-Identifier: GPL-2.0-or-later
//
// xmpp.js with its default settings; see t/lib/talk.py for the arguments, the environment, and for what it prints. XMPPJS is
// its module.
const { client, xml } = await import(process.env.XMPPJS);
const [jid, password, port, , way] = process.argv.slice(2);
const [username, domain] = jid.split("@");
const scheme = way === "direct" ? "xmpps" : "xmpp";
const mechanism = process.env.TALK_MECHANISM;
const talk = client(mechanism ? {
	service: `${scheme}://127.0.0.1:${port}`, domain,
	credentials: (authenticate) => authenticate({ username, password }, mechanism),
} : { service: `${scheme}://127.0.0.1:${port}`, domain, username, password });
let failed = false;

talk.on("error", (error) => {
	console.log("ended", error);
	failed = true;
});
talk.on("online", async (address) => {
	await talk.send(xml("presence"));
	console.log("online", address.toString());
});
talk.on("stanza", async (stanza) => {
	const body = stanza.is("message") && stanza.getChildText("body");
	if (!body)
		return;
	console.log("got", body);
	await talk.send(xml("message", { to: stanza.attrs.from, type: "chat" }, xml("body", {}, body)));
	if (body === "stop")
		await talk.stop();
});
await talk.start().catch(() => talk.stop());
talk.on("offline", () => process.exit(failed ? 1 : 0));
