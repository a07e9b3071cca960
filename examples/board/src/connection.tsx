// Online or offline, as chosen and as it is; and the other client that writes.

import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useClient, useConnection, usePendingOps } from 'topgun/react';

import type { WriterOptions } from './writer.worker.js';

/** The file of the worker, which the build names. */
declare const WORKER_FILE: string;

const PER_SECOND = 1000;

export function OnlineSwitch(): ReactNode {
  const client = useClient();
  const { online, status } = useConnection();
  const pending = usePendingOps();
  const [wanted, setWanted] = useState(true);
  const toggle = (): void => {
    setWanted(!wanted);
    if (wanted) client.goOffline();
    else client.goOnline();
  };
  const state = online ? 'online' : wanted ? 'connecting' : 'offline';
  const text = status === 'new' ? 'Opening' : online ? 'Online' : wanted ? 'Looking for the server' : 'Offline';
  return (
    <div className="connection" data-state={state}>
      <p role="status">
        <span className="connection-dot" />
        {text}
        {pending > 0 && <span className="connection-pending">{pending.toLocaleString('en')} to send</span>}
      </p>
      <button type="button" className="switch" role="switch" aria-checked={wanted} aria-label="Online" onClick={toggle}>
        <span className="switch-track"><span className="switch-knob" /></span>
      </button>
    </div>
  );
}

export function WriterButton(): ReactNode {
  const worker = useRef<Worker>(undefined);
  const [state, setState] = useState<'off' | 'starting' | 'on'>('off');
  useEffect(() => () => worker.current?.terminate(), []);
  const toggle = (): void => {
    if (worker.current !== undefined) {
      worker.current.terminate();
      worker.current = undefined;
      return setState('off');
    }
    const options: WriterOptions = { serverUrl: location.origin, perSecond: PER_SECOND };
    worker.current = new Worker(new URL(WORKER_FILE, document.baseURI), { type: 'module' });
    worker.current.onmessage = () => setState('on');
    worker.current.postMessage(options);
    setState('starting');
  };
  return (
    <button type="button" className="primary" data-state={state} aria-pressed={state !== 'off'} onClick={toggle}>
      {state === 'off' && 'Let a writer in: 1,000 changes a second'}
      {state === 'starting' && 'The writer reads the board…'}
      {state === 'on' && 'Stop the writer'}
    </button>
  );
}
