/** Where the server of a test network takes gRPC; its rendezvous is on the port after it. */
export const SERVER_PORT = 8768;
/** Where the probe answers everybody with what it sees of them. */
export const ECHO_PORT = 7001;
/** Where plain copies are taken. */
export const PLAIN_PORT = 7004;
