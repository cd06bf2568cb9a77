/**
 * Whether this thread binds most functions of the C library at their first call instead of all of them at once.
 *
 * A binding that is made late costs each call a few more instructions: right for a thread that makes few, wrong for one that
 * serves sockets. It is decided before `libc.ts` is evaluated: by the first import of a handler thread's entry
 * (src/roles/entry/few-bindings.ts). Where epollo was loaded before that entry, in a bundle and by a preload, all are bound.
 */

/** What `libc.ts` reads when it is evaluated. */
export const bindingPlan: { isLate: boolean } = { isLate: false };
