/** What an empty network says: how it comes to be none. */
export function Nobody() {
  return (
    <div class="nobody">
      <h2>Nobody is here yet</h2>
      <p>An instance joins like this:</p>
      <pre>switchyard join --name harbour --port 22</pre>
      <p>and a whole made-up town like this:</p>
      <pre>switchyard replay docs/demo/mesh.netjson --stay</pre>
    </div>
  );
}
