/**
 * What Bun reads a native Request's own url for: the file system router. The native object behind a handler's Request does not know
 * it (`server-request.ts`), and a light one has none (`light-request.ts`), so the url is given in its place.
 *
 * Installed on every thread that runs handlers.
 */
import { exchangeOf } from "./make-request.ts";

let isInstalled = false;

/** Replaces `Bun.FileSystemRouter.prototype.match` on this thread; once, however often it is called. */
export function installRequestTakers(): void {
  if (isInstalled) return;
  isInstalled = true;
  const { prototype } = Bun.FileSystemRouter;
  const native = prototype.match as (...given: unknown[]) => Bun.MatchedRoute | null;
  const taking = {
    match(this: Bun.FileSystemRouter, input: unknown): Bun.MatchedRoute | null {
      if (exchangeOf(input) !== null) return native.call(this, (input as Request).url);
      return Reflect.apply(native, this, arguments);
    },
  };
  prototype.match = taking.match as typeof prototype.match;
}
