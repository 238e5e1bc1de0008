import { ConfigError } from '../../config/config.js';
import { SERVER_NAME, SERVER_NAME_HAS } from '../../core/model/server.js';

/** The name of a server that was given none: its machine's. Throws a ConfigError where that cannot be a server's. */
export function nameOfMachine(hostName: string): string {
  if (SERVER_NAME.test(hostName)) return hostName;
  throw new ConfigError([
    `this machine is called ${JSON.stringify(hostName)}: give the server a --name, which has ${SERVER_NAME_HAS}`,
  ]);
}
