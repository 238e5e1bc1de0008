/** A test file, as far as its order depends on it. */
interface TestFile {
  readonly path: string;
  readonly context: { readonly config: { readonly rootDir: string } };
}

export default class LongestFirst {
  constructor(options: object);
  shard(tests: readonly TestFile[], part: { readonly shardIndex: number; readonly shardCount: number }): TestFile[];
  sort(tests: readonly TestFile[]): TestFile[];
}
