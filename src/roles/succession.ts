/**
 * How a dispatcher takes the place of one that has ended: its clients are gone, what handlers are doing for them is for nobody.
 *
 * Runs on the new dispatcher before its first turn. Handlers notice nothing but that the requests were abandoned.
 */
import type { DispatcherLink } from "../channel/dispatcher-link.ts";
import { type ControlBlock, HANDLER_DEAD } from "../shm/control-block.ts";
import { CLIENT_CLOSED, Client, TASK_OVER, Task } from "./client.ts";
import type { RetryList } from "./retry-list.ts";

/** A task whose client is gone; it is forgotten when its handler has confirmed that it knows. */
function orphan(entry: number): Task {
  const task = new Task(new Client(-1, 0, -1), 0);
  task.client.state = CLIENT_CLOSED;
  task.state = TASK_OVER;
  // Its handler may answer before it learns that nobody waits.
  task.entry = entry;
  return task;
}

/**
 * Takes over the links of a dispatcher that has ended, and fills in, for each handler slot, which of its threads' deaths that
 * one had dealt with.
 *
 * @param deaths by slot
 */
export function takeOver(
  index: number,
  control: ControlBlock,
  links: readonly DispatcherLink<Task>[],
  retries: RetryList,
  deaths: Int32Array,
): void {
  for (const link of links) {
    const { slot } = link;
    for (const entry of link.recover(orphan)) {
      const task = link.tasks[entry];
      const tell = (): boolean => link.tasks[entry] !== task || link.abort(entry, false);
      if (!tell()) retries.add(tell);
    }
    deaths[slot] = control.lastLetGo(slot, index);
    // The other may have ended before it could see that it was the last to let go.
    const isDone = deaths[slot] === control.deaths(slot);
    if (isDone && control.handlerState(slot) === HANDLER_DEAD) control.letGo(slot, index);
  }
}
