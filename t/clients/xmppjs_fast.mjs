// SPDX-License-Identifier: GPL-2.0-or-later
//
// xmpp.js logs in by its defaults, keeps the token that it gets (FAST, XEP-0484), and logs in again. XMPPJS is its module.
const { client, xml } = await import(process.env.XMPPJS);
const [jid, password, port] = process.argv.slice(2);
const [username, domain] = jid.split("@");
let token = null;

async function login() {
	const user = xml("user-agent", { id: "d4565fa7-4d72-4749-b3d3-740edbf87770" }, xml("software", {}, "xmpp.js"));
	const talk = client({ service: `xmpps://127.0.0.1:${port}`, domain, username, password, userAgent: user });
	talk.fast.saveToken = async (given) => { token = given; };
	talk.fast.fetchToken = async () => token;
	talk.on("error", (error) => console.log("ended", error));
	const online = new Promise((resolve) => talk.on("online", resolve));
	talk.start().catch(() => {}); // its promise may miss a login that is over at once
	console.log("online", (await online).toString());
	await talk.stop();
}

await login();
console.log("token", token?.mechanism);
await login();
process.exit(0);
