/**
 * Holds idle keep-alive connections, in a process of its own: `bun run holder.ts <port> <connections>`.
 *
 * Prints the number of connections that were opened and answered one request each, waits for the end of standard
 * input, then prints how many of them are still open. Up to 5,000 connections leave from each source address, so that
 * ports do not run out.
 */
import { connect, type Socket } from "node:net";

const CONNECTIONS_PER_ADDRESS = 5000;
const AT_ONCE = 200;
const port = Number(process.argv[2]);
const wanted = Number(process.argv[3]);
const sockets: Socket[] = [];
let open = 0;

function hold(index: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const localAddress = `127.0.0.${2 + Math.floor(index / CONNECTIONS_PER_ADDRESS)}`;
    const socket = connect({ host: "127.0.0.1", port, localAddress, noDelay: true });
    sockets.push(socket);
    socket.once("connect", () => socket.write("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
    socket.once("data", () => {
      open++;
      resolve();
    });
    socket.once("error", reject);
    socket.once("close", () => {
      open--;
    });
  });
}

for (let index = 0; index < wanted; index += AT_ONCE) {
  const batch = [];
  for (let offset = index; offset < Math.min(wanted, index + AT_ONCE); offset++) batch.push(hold(offset));
  await Promise.all(batch);
}
console.log(String(open));
process.stdin.resume();
process.stdin.on("end", () => {
  console.log(String(open));
  for (const socket of sockets) socket.destroy();
  process.exit(0);
});
