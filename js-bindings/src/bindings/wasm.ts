import { ErrorCode, TopGunError, errorFromCode } from '../errors.js';
import {
  ENGINE_PROTOCOL_VERSION,
  EngineTrapped,
  type Engine,
  type EngineFactory,
} from './engine.js';

/** The raw exports of `wasm/surface.cpp`. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  _initialize?(): void;
  tg_abi_version(): number;
  tg_open(): number;
  tg_close(handle: number): number;
  tg_request(size: number): number;
  tg_exec(handle: number, size: number): number;
  tg_poll(handle: number): number;
  tg_result_pointer(): number;
  tg_result_size(): number;
}

/** Makes engines from a compiled module; each has an instance, and with it memory, of its own. */
export function wasmFactory(module: WebAssembly.Module): EngineFactory {
  return {
    kind: 'wasm',
    create: async () => new WasmEngine((await WebAssembly.instantiate(module, imports())).exports),
  };
}

/**
 * The only code that touches the memory of a WASM instance. No view of it outlives a call: growing
 * detaches the buffer, so every access looks at it anew.
 */
class WasmEngine implements Engine {
  private readonly exports: Exports;
  private readonly handle: number;
  private memory: Uint8Array;
  private requestAt = 0;
  private requestSize = 0;

  constructor(instanceExports: WebAssembly.Exports) {
    const exports = instanceExports as unknown as Exports;
    this.exports = exports;
    this.memory = new Uint8Array(exports.memory.buffer);
    exports._initialize?.();
    const version = exports.tg_abi_version();
    if (version !== ENGINE_PROTOCOL_VERSION) {
      throw new TopGunError(
        ErrorCode.UnsupportedVersion,
        `topgun.wasm speaks version ${version} of the engine protocol`,
      );
    }
    this.handle = exports.tg_open();
  }

  exec(request: Uint8Array): Uint8Array {
    try {
      if (request.length > this.requestSize) this.growRequest(request.length);
      this.view().set(request, this.requestAt);
      return this.result(this.exports.tg_exec(this.handle, request.length));
    } catch (error) {
      throw asTrap(error);
    }
  }

  poll(): Uint8Array {
    try {
      return this.result(this.exports.tg_poll(this.handle));
    } catch (error) {
      throw asTrap(error);
    }
  }

  close(): void {
    try {
      this.exports.tg_close(this.handle);
    } catch {
      // A trapped instance holds nothing but its memory, which goes with it.
    }
  }

  private growRequest(size: number): void {
    const at = this.exports.tg_request(size);
    if (at === 0) throw new TopGunError(ErrorCode.TooLarge, `a request of ${size} bytes`);
    this.requestAt = at >>> 0;
    this.requestSize = size;
  }

  private result(error: number): Uint8Array {
    if (error !== 0) throw errorFromCode(error);
    const at = this.exports.tg_result_pointer() >>> 0;
    return this.view().subarray(at, at + this.exports.tg_result_size());
  }

  private view(): Uint8Array {
    const { buffer } = this.exports.memory;
    if (this.memory.buffer !== buffer) this.memory = new Uint8Array(buffer);
    return this.memory;
  }
}

/** A refusal as it is; everything else that a call throws means that the instance is lost. */
function asTrap(error: unknown): Error {
  if (error instanceof TopGunError) return error;
  return new EngineTrapped(error instanceof Error ? error.message : String(error), { cause: error });
}

/** The two functions a standalone module asks of its host. */
function imports(): WebAssembly.Imports {
  return {
    env: { emscripten_notify_memory_growth: () => undefined },
    wasi_snapshot_preview1: {
      proc_exit: (code: number) => {
        throw new EngineTrapped(`the module exited with ${code}`);
      },
    },
  };
}
