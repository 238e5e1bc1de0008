/** Where the server of a test network takes gRPC; its rendezvous is on the port after it. */
export const SERVER_PORT = 8768;
/** Where the probe answers everybody with what it sees of them. */
export const ECHO_PORT = 7001;
/** Where plain copies are taken. */
export const PLAIN_PORT = 7004;
/** Where plain dials are passed on, at the server. */
export const FORWARD_PORT = 7005;
/** Where a proxy listens, in the router of a site that lets nothing else out. */
export const PROXY_PORT = 3128;
/** What the proxy asks for. The colon and the at sign have to be escaped in a URL. */
export const PROXY_USER = 'me';
export const PROXY_PASSWORD = 's:e@cret';
