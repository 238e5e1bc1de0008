import { Fault } from '../core/model/fault.js';
import type { Transport } from './adapter.js';

/** Every code name there is, whether or not this server has it. */
export const CODE_NAMES = ['exchange', 'grpc', 'tcp', 'tls', 'ws', 'wss'] as const;

/** Which transports to list. What is not there does not matter. */
export interface TransportFilter {
  readonly codeName?: string | undefined;
  readonly encrypted?: boolean | undefined;
}

/** The transports of this server, as both doors list them. They come as they begin to listen. */
export class Transports {
  private readonly all: Transport[] = [];

  add(transport: Transport): void {
    this.all.push(transport);
  }

  /** Those that fit, by code name. A code name that does not exist is a mistake; one that this server lacks is not. */
  list({ codeName, encrypted }: TransportFilter): Transport[] | Fault {
    if (codeName !== undefined && !(CODE_NAMES as readonly string[]).includes(codeName)) {
      const description = `not a code name; ${CODE_NAMES.join(', ')} are`;
      return Fault.fields([{ field: 'code_name', description }]);
    }
    return this.all
      .filter((one) => codeName === undefined || one.codeName === codeName)
      .filter((one) => encrypted === undefined || one.encrypted === encrypted)
      .sort((x, y) => (x.codeName < y.codeName ? -1 : 1));
  }
}
