/** Entry point of a handler thread's Worker. */
// First, before anything that opens the C library.
import "./few-bindings.ts";
import { requestShortSlice } from "../../../ffi/scheduling.ts";
import { type HandlerThreadSettings, runHandlerThread } from "../handler-thread.ts";
import { openThreadLog } from "../thread-log.ts";
import { whenTold } from "../thread-settings.ts";

requestShortSlice();
whenTold((settings: HandlerThreadSettings) => {
  openThreadLog(settings);
  // Not awaited: in a bundle, what it waits for is the evaluation of which this is a part.
  runHandlerThread(settings).catch((error) => {
    // As an exception: a rejection would end the thread with the code of success.
    queueMicrotask(() => {
      throw error;
    });
  });
});
