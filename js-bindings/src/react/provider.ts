import {
  createContext,
  createElement,
  useContext,
  useMemo,
  type ReactElement,
  type ReactNode,
} from 'react';
import type { BaseClient } from '../client/client.js';
import { ErrorCode, TopGunError } from '../errors.js';
import type { QueryClient } from '../query/client.js';
import { Hydration, type HydrationState } from './hydration.js';

interface Provided {
  readonly client: BaseClient;
  readonly hydration: Hydration;
}

const Context = createContext<Provided | undefined>(undefined);

export interface TopGunProviderProps {
  /** The client of everything below. Whoever made it starts and closes it. */
  readonly client: BaseClient;
  /**
   * What a server has rendered with: shown in the first render, and until the client itself knows
   * better. The same object at every render.
   */
  readonly state?: HydrationState | undefined;
  readonly children?: ReactNode;
}

/**
 * Gives a client to the hooks of all components below.
 *
 * @example
 * ```tsx
 * import { TopGunClient } from 'topgun';
 * import { TopGunProvider, useMap } from 'topgun/react';
 *
 * const client = new TopGunClient();
 * void client.start();
 *
 * function Count() {
 *   return <p>{useMap('todos').size} todos</p>;
 * }
 *
 * export default function App() {
 *   return (
 *     <TopGunProvider client={client}>
 *       <Count />
 *     </TopGunProvider>
 *   );
 * }
 * ```
 */
export function TopGunProvider({ client, state, children }: TopGunProviderProps): ReactElement {
  const hydration = useMemo(() => new Hydration(state), [state]);
  const value = useMemo(() => ({ client, hydration }), [client, hydration]);
  return createElement(Context.Provider, { value }, children);
}

/**
 * The client of the nearest {@link TopGunProvider}; with queries, unless the type says otherwise
 * (`useClient<TopGunClient>()` with that of `topgun/base`).
 */
export function useClient<C extends BaseClient = QueryClient>(): C {
  // Which client is provided is the application's word.
  return useProvided().client as C;
}

/** What the nearest provider holds. */
export function useProvided(): Provided {
  const provided = useContext(Context);
  if (provided === undefined) {
    throw new TopGunError(ErrorCode.NotReady, 'no <TopGunProvider> above this component');
  }
  return provided;
}
