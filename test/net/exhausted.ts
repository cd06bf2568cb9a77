/** Runs under `ulimit -n 64`: fills the descriptor table, then shows that a waiting client is turned away, not left hanging. */
import { close, open } from "../../ffi/calls.ts";
import { O_RDONLY } from "../../ffi/constants.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import * as accept from "../../src/net/accept.ts";
import { acceptSoon, connectTcp, openLoopback, receiveText, sendText } from "./raw-client.ts";

const listener = openLoopback();
const spare = new accept.SpareDescriptor();
const buffer = accept.allocateAcceptBuffer();
const client = connectTcp(listener.port);
sendText(client, "x");

const path = NativeBuffer.cString("/dev/null");
const fillers: number[] = [];
for (let fd = open(path.address, O_RDONLY, 0); fd >= 0; fd = open(path.address, O_RDONLY, 0))
  fillers.push(fd);

// accept4 gives EMFILE whether or not a client waits, so waiting for the client is shed's part.
const failure = accept.classifyAcceptFailure(accept.acceptClient(listener.fd, buffer));
const words = [failure === accept.ACCEPT_EXHAUSTED ? "exhausted" : `failure ${failure}`];
let result = spare.shed(listener.fd);
for (let attempt = 0; result !== 0 && attempt < 2000; attempt++) {
  Bun.sleepSync(1);
  result = spare.shed(listener.fd);
}
words.push(result === 0 && spare.isHeld ? "shed" : `shed gave ${result}`);
try {
  words.push(receiveText(client) === "" ? "client told" : "client got bytes");
} catch {
  words.push("client told");
}
for (const fd of fillers.splice(0)) close(fd);
sendText(connectTcp(listener.port), "x");
words.push((await acceptSoon(listener.fd, buffer)) >= 0 ? "room again" : "no room");
console.log(words.join(", "));
process.exit(0);
