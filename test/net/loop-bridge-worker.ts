/** Says whether the event loop of a Worker can be woken by a Poller. */
import { probeLoopBridge } from "../../src/net/loop-bridge.ts";

declare const self: Worker;
self.postMessage(await probeLoopBridge());
