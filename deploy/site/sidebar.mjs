/** The pages by whom they are for. What is not named here is still found by the search. */
export const SIDEBAR = [
  {
    text: 'Begin',
    items: [
      { text: 'Switchyard', link: '/' },
      { text: 'Clients in any language', link: '/docs/clients' },
      { text: 'Examples', link: '/examples/' },
      { text: 'Platforms', link: '/docs/platforms' },
    ],
  },
  {
    text: 'Clients',
    items: [
      { text: 'TypeScript', link: '/docs/client' },
      { text: 'Go', link: '/sdk/go/' },
      { text: 'Python', link: '/sdk/python/' },
      { text: 'C', link: '/sdk/c/' },
      { text: 'What a client does', link: '/docs/client-lifecycle' },
      { text: 'Errors', link: '/docs/errors' },
      { text: 'Direct connections', link: '/docs/direct-connections' },
      { text: 'Data through the server', link: '/docs/relay' },
      { text: 'System events', link: '/docs/system-events' },
      { text: 'Conformance', link: '/conformance/' },
    ],
  },
  {
    text: 'Operators',
    items: [
      { text: 'Running a server', link: '/docs/operations' },
      { text: 'Security', link: '/docs/security' },
      { text: 'The console', link: '/docs/console' },
      { text: 'Metrics, logs and traces', link: '/docs/observability' },
      { text: 'Several servers', link: '/docs/cluster' },
      { text: 'Capacity', link: '/docs/capacity' },
      { text: 'Performance', link: '/docs/performance' },
    ],
  },
  {
    text: 'The project',
    items: [
      { text: 'Architecture', link: '/docs/ARCHITECTURE' },
      { text: 'The journal', link: '/docs/journal' },
      { text: 'The style of the API', link: '/docs/api-style' },
      { text: 'Changelog', link: '/CHANGELOG' },
      { text: 'Contributing', link: '/CONTRIBUTING' },
      { text: 'Releasing', link: '/RELEASING' },
      { text: 'Reporting a fault of security', link: '/SECURITY' },
    ],
  },
];
