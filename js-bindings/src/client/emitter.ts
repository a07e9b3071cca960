/** Calls a listener of the application; what it throws is reported and stops nothing else. */
export function callListener(run: () => void): void {
  try {
    run();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** Named events with one argument each, typed by `Events`. */
export class Emitter<Events extends object> {
  private readonly listeners = new Map<keyof Events, Set<(argument: never) => void>>();

  /** Adds a listener; the returned function removes it. */
  on<Name extends keyof Events>(
    name: Name,
    listener: (argument: Events[Name]) => void,
  ): () => void {
    let set = this.listeners.get(name);
    if (set === undefined) this.listeners.set(name, (set = new Set()));
    set.add(listener);
    return () => set.delete(listener);
  }

  emit<Name extends keyof Events>(name: Name, argument: Events[Name]): void {
    const listeners = this.listeners.get(name);
    if (listeners === undefined) return;
    for (const listener of [...listeners]) {
      callListener(() => (listener as (argument: Events[Name]) => void)(argument));
    }
  }
}
