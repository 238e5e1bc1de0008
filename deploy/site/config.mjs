import { SIDEBAR } from './sidebar.mjs';

const { SITE_VERSION: version, SITE_VERSIONS: versions = '', SITE_OUT: outDir } = process.env;

/** Anchors as GitHub makes them, so that a link is good in both places (test/gate/links.mjs). */
function slugify(heading) {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-');
}

/** The site of one version. It loads nothing from elsewhere: the search's index is one of its files. */
export default {
  title: `Switchyard ${version}`,
  titleTemplate: `:title · Switchyard ${version}`,
  description: 'A coordination service for fleets of connected instances',
  base: `/${version}/`,
  outDir,
  lang: 'en',
  head: [['meta', { name: 'switchyard-version', content: version }]],
  // What leads nowhere ends the build.
  ignoreDeadLinks: false,
  // Documents have text like <name>, which is no markup.
  markdown: { html: false, anchor: { slugify } },
  themeConfig: {
    search: { provider: 'local' },
    sidebar: SIDEBAR,
    outline: [2, 3],
    nav: [
      {
        text: version,
        items: versions.split(' ').map((one) => ({ text: one, link: `/../${one}/`, target: '_self' })),
      },
    ],
    docFooter: { prev: false, next: false },
  },
};
